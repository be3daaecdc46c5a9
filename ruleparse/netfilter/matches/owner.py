from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool, both, either, negate
from ruleparse.codec import Codec, Range, number_range, show_range
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

_IDS: Codec[Range] = Codec(
    "id[-id]", lambda text: number_range(text, (1 << 32) - 1, "-", {"root": 0}), lambda value: show_range(value, "-")
)


def _with_socket(givens: Givens, supplementary: Assumption, packet: Packet, world: World) -> Bool:
    holds: Bool = True
    for given in givens:
        if given.name == "--socket-exists":
            answer: Bool = True
        elif given.name == "--suppl-groups":
            continue
        else:
            answer = bits.between(packet["uid" if given.name == "--uid-owner" else "gid"], *given.value)
            if given.name == "--gid-owner" and givens.has("--suppl-groups"):
                answer = either(answer, world.ask(supplementary))
        holds = both(holds, negate(answer) if given.negated else answer)
    return holds


def _tests(givens: Givens, context: Context) -> Tests:
    words = f"a supplementary group of the sender is {_IDS.show(givens.get('--gid-owner', (0, 0)))}"
    supplementary = context.asks(words)
    without_socket = all(given.negated for given in givens)

    def means(_: object, packet: Packet, world: World) -> Bool:
        """Without a socket it matches only where every option is negated."""
        has_socket = bits.bit(packet["socket"], 0)
        if has_socket is False:
            return without_socket
        return bits.pick(has_socket, _with_socket(givens, supplementary, packet, world), without_socket)

    yield Test(Key(("owner",), _IDS, means), None)


MATCH = Match(
    "owner",
    """The user or group of the local socket that sent the packet. One without a socket, as are those that are
    forwarded, matches only where all is negated (iptables-extensions(8); net/netfilter/xt_owner.c).""",
    (
        Option(("--uid-owner",), _IDS),
        Option(("--gid-owner",), _IDS),
        Option(("--socket-exists",)),
        Option(("--suppl-groups",)),
    ),
    tests=_tests,
)
