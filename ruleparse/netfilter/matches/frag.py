from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, both, negate
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import cut_if
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.ipv6_headers import FRAGMENT, find_header, is_cut
from ruleparse.netfilter.unsettled import written
from ruleparse.netfilter.values import span_of, whole
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_ID = span_of(32)
_INERT = "--fraglen"
"""The kernel takes this option and looks at nothing for it."""


def _holds(givens: Givens, raw: bytes) -> bool:
    header = find_header(raw, FRAGMENT)
    if header is None or len(header) < 8:
        return False
    word, ident = int.from_bytes(header[2:4], "big"), int.from_bytes(header[4:8], "big")
    answers: dict[str, Callable[[Any], bool]] = {
        "--fragid": lambda value: value[0] <= ident <= value[1],
        "--fragres": lambda _: not header[1] and not word & 6,
        "--fragfirst": lambda _: not word & ~7,
        "--fragmore": lambda _: bool(word & 1),
        "--fraglast": lambda _: not word & 1,
    }
    return all(answers[given.name](given.value) is not given.negated for given in givens if given.name != _INERT)


def _tests(givens: Givens, context: Context) -> Tests:
    yield cut_if(lambda raw: is_cut(raw, FRAGMENT, 8), "frag", "is cut short in its headers")
    question = context.asks(f"the packet's fragment header fits{written(givens)}")

    def means(_: object, packet: Packet, world: World) -> Bool:
        raw = wire.current(packet)
        if raw is not None:
            return _holds(givens, raw)
        more = bits.bit(packet["more_fragments"], 0)
        first = bits.equal_masked(packet["fragment"], 0, -1)
        result = negate(both(first, negate(more)))
        if result is False:
            return False
        known: dict[str, Bool] = {"--fragfirst": first, "--fragmore": more, "--fraglast": negate(more), _INERT: True}
        if any(given.name not in known for given in givens):
            result = both(result, world.ask(question))
        return both(result, bits.all_of(known.get(given.name, True) for given in givens))

    yield Test(Key(("fragment header",), _ID, means), None)


MATCH = Match(
    "frag",
    "The fragment header of an IPv6 packet (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_frag.c).",
    (
        Option(("--fragid",), _ID),
        Option(("--fraglen",), whole(32)),
        Option(("--fragres",)),
        Option(("--fragfirst",)),
        Option(("--fragmore",)),
        Option(("--fraglast",)),
    ),
    families=(6,),
    tests=_tests,
)
