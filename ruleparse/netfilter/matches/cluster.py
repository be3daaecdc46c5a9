from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.jhash import jhash
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import RELATED
from ruleparse.netfilter.matches.conntrack import tracked
from ruleparse.netfilter.values import TEXT, hexadecimal, whole
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


def _node(source: int, seed: int, nodes: int, family: int) -> int:
    """Which node a source belongs to, from 0 (xt_cluster_hash, on a little-endian machine)."""
    octets = source.to_bytes(4 if family == 4 else 16, "big")
    words = [int.from_bytes(octets[i : i + 4], "little") for i in range(0, len(octets), 4)]
    return jhash(words, seed) * nodes >> 32


def _tests(givens: Givens, context: Context) -> Tests:
    name = "--cluster-local-nodemask" if givens.has("--cluster-local-nodemask") else "--cluster-local-node"
    mask = givens.get(name, 0) if name.endswith("mask") else 1 << givens.get(name, 1) - 1
    nodes, seed = givens.get("--cluster-total-nodes", 1), givens.get("--cluster-hash-seed", 0)
    words = f"the connection is one of those of nodes {mask:#x} of {nodes} (seed {seed:#x})"
    question, negated = context.asks(words, "conntrack -L"), givens.negated(name)

    def means(_: object, packet: Packet, world: World) -> Bool:
        exists = tracked(packet)
        if exists is False:
            return False
        source, expected = packet["ct_src"], bits.any_bit(packet["ct_state"], RELATED)
        if isinstance(source, int) and expected is False:
            ours: Bool = bool(mask >> _node(source, seed, nodes, context.family) & 1)
        else:
            ours = world.ask(question, about=source)
        return bits.both(exists, bits.negate(ours) if negated else ours)

    yield Test(Key(("cluster",), TEXT, means), None)


MATCH = Match(
    "cluster",
    """Whether this node of a cluster is to handle the connection, by a hash of its source; never without a connection
    (iptables-extensions(8); net/netfilter/xt_cluster.c).""",
    (
        Option(("--cluster-total-nodes",), whole(32)),
        Option(("--cluster-local-node",), whole(32)),
        Option(("--cluster-local-nodemask",), hexadecimal(32, 8)),
        Option(("--cluster-hash-seed",), hexadecimal(32, 8)),
    ),
    tests=_tests,
)
