"""What the two flavours do with packets too short for a match, and with later fragments.

Only packets given byte by byte can be such; for all others nothing of this is lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Cut, Match, Target, Tests
from ruleparse.packet import Packet
from ruleparse.program import Key, Masked, Rule, Stop, Test, World


def _shorter(octets: int, packet: Packet, _: World) -> Bool:
    return bits.negate(bits.at_least(packet["transport_length"], octets))


SHORTER = Key(("too short",), Codec("octets", int), _shorter, "fewer than {} octets of transport header")
_FIRST_FRAGMENT = Masked("fragment", 0, -1)

_NATIVE_REACH = {
    "--sport": 2,
    "--dport": 4,
    "--source-port": 2,
    "--destination-port": 4,
    "--tcp-flags": 14,
    "--syn": 14,
}
"""Octets of transport header that a native nft expression loads for an option (iptables-nft, nft-shared.c)."""


def whole_header_of(octets: int, match: str) -> Tests:
    """What a match asks before it looks at a header: later fragments have none, and one cut short is dropped."""
    reason = f"the packet is too short for -m {match}, which drops it on the spot"
    return [_FIRST_FRAGMENT, Cut(Test(SHORTER, octets), reason)]


@dataclass(frozen=True, slots=True)
class Quirks:
    """Whether short packets and fragments are to be reckoned with."""

    on: bool = False

    def before(
        self, match: Match | Target | None, options: Sequence[str], tests: Sequence[Test | Masked], context: Context
    ) -> list[Rule]:
        """A match that finds its header cut short drops the packet on the spot, uncounted ("hotdrop")."""
        if not self.on or not isinstance(match, Match) or not match.reads or self._native(match, options, context):
            return []
        stop = Stop("drop", f"the packet is too short for -m {match.name}, which drops it on the spot")
        cut = Rule((*tests, _FIRST_FRAGMENT, Test(SHORTER, match.reads)), (stop,), None, context.span)
        if match.name != "tcp" or context.family == 6:
            return [cut]
        overlap = Stop("drop", "a fragment at offset 1 could rewrite TCP flags; -m tcp drops it on the spot")
        return [cut, Rule((*tests, Masked("fragment", 1, -1)), (overlap,), None, context.span)]

    def within(self, match: Match | Target | None, options: Sequence[str], context: Context) -> list[Test | Masked]:
        """Later fragments have no ports; a native expression that cannot be loaded ends the rule."""
        if not self.on or not isinstance(match, Match) or not match.reads:
            return []
        if not self._native(match, options, context):
            return [_FIRST_FRAGMENT]
        reach = max((_NATIVE_REACH.get(name, match.reads) for name in options), default=0)
        return [Test(SHORTER, reach, negated=True)] if reach else []

    @staticmethod
    def _native(match: Match, options: Sequence[str], context: Context) -> bool:
        return context.flavour == "nft" and match.native_in_nft and not set(options) & set(match.compat_options)
