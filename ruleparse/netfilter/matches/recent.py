from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Number
from ruleparse.codec import Codec, address, show_address
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import here, remembered
from ruleparse.netfilter.values import TEXT, whole
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


def _conditions(givens: Givens) -> Iterator[str]:
    if givens.has("--hitcount"):
        yield f"at least {givens.get('--hitcount')} times"
    if givens.has("--seconds"):
        yield f"within {givens.get('--seconds')} seconds"
    if givens.has("--rttl"):
        yield "with this TTL"


def _tests(givens: Givens, context: Context) -> Tests:
    side = "destination" if givens.has("--rdest") else "source"
    name = givens.get("--name", "DEFAULT")
    listed = f"the packet's {side} is in the list of recent addresses {name}"
    words = " ".join([listed, *_conditions(givens), here(context)])
    negated = any(givens.negated(option) for option in ("--set", "--rcheck", "--update", "--remove"))
    question = context.asks(words, f"cat /proc/net/xt_recent/{name}")
    key = _key(givens, context, "dst" if givens.has("--rdest") else "src")
    test = remembered(question, key, lambda known, packet: _look_up(known, packet, givens), negated)
    return [_seen_with_the_packet(test, negated) if givens.has("--set") else test]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An address in the list: how often it was seen lately, and the TTL of the last packet."""

    seen: int
    ttl: Number


def _key(givens: Givens, context: Context, field: str) -> Callable[[Packet], Hashable | None]:
    every = (1 << (32 if context.family == 4 else 128)) - 1
    mask = givens.get("--mask", (every, context.family))[0]

    def key(packet: Packet) -> Hashable | None:
        address = packet[field]
        listed = ("recent", givens.get("--name", "DEFAULT"), context.family)
        return (*listed, address & mask) if isinstance(address, int) else None

    return key


def _look_up(known: _Entry | None, packet: Packet, givens: Givens) -> tuple[bool, _Entry | None]:
    """recent_mt; no time has passed since an address was seen."""
    ttl = _ttl_as_it_came(packet)
    fits = known is not None and (not givens.has("--rttl") or known.ttl == ttl)
    if givens.has("--set"):
        return True, _Entry(known.seen + 1 if known and fits else 1, ttl)
    if not fits or known is None:
        return False, known
    if givens.has("--remove"):
        return True, None
    found = known.seen >= max(givens.get("--hitcount", 1), 1)
    wanted = found is not givens.negated("--update")
    return found, _Entry(known.seen + 1, ttl) if givens.has("--update") and wanted else known


def _ttl_as_it_came(packet: Packet) -> Number:
    forwarded = packet["hook"] in (_FORWARD, _POSTROUTING) and packet["local"] == 0
    return bits.add(packet["ttl"], 1, 8) if forwarded else packet["ttl"]


_FORWARD, _POSTROUTING = 2, 4


def _seen_with_the_packet(test: Test, negated: bool) -> Test:
    """`--set` always matches; where packets are remembered it is noted, too."""

    def means(_: object, packet: Packet, world: World) -> bool:
        if world.memory is not None:
            test.holds(packet, world)
        return not negated

    return Test(Key(("recent",), TEXT, means), None)


_MASK: Codec[tuple[int, int]] = Codec(
    "mask", lambda text: (address(text), 6 if ":" in text else 4), lambda value: show_address(*value)
)

MATCH = Match(
    "recent",
    """A list of addresses seen lately. `--set` adds the address and always matches; whether one is in the list is an
    assumption; with --stateful lists are empty at first (iptables-extensions(8); net/netfilter/xt_recent.c).""",
    (
        Option(("--set",)),
        Option(("--rcheck",)),
        Option(("--update",)),
        Option(("--remove",)),
        Option(("--seconds",), whole(32)),
        Option(("--reap",)),
        Option(("--hitcount",), whole(32)),
        Option(("--rttl",)),
        Option(("--name",), TEXT),
        Option(("--mask",), _MASK),
        Option(("--rsource",)),
        Option(("--rdest",)),
    ),
    tests=_tests,
)
