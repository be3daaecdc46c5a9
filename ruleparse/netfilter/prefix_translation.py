"""IPv6 network prefix translation: the prefix is replaced, and one 16-bit word of the address is adjusted so that
checksums over it stay right (RFC 6296; net/ipv6/netfilter/ip6t_NPT.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import ALL_ONES, Codec, Prefix, prefix_length
from ruleparse.netfilter.extension import Case, Context, Givens, Option
from ruleparse.netfilter.fields import ICMP6, SPOILT_HERE, TCP, UDP, UDPLITE
from ruleparse.netfilter.values import PREFIX
from ruleparse.packet import Packet, assumption
from ruleparse.program import Add, Copy, Key, Masked, Set, Stop, Test, World

OPTIONS = (Option(("--src-pfx",), PREFIX), Option(("--dst-pfx",), PREFIX))
ONES = 0xFFFF


def translation(field: str) -> Callable[[Givens, Context], list[Case]]:
    """What SNPT does to the source, DNPT to the destination."""

    def cases(givens: Givens, _: Context) -> list[Case]:
        return list(_cases(field, givens.get("--src-pfx"), givens.get("--dst-pfx")))

    return cases


def _cases(field: str, old: Prefix, new: Prefix) -> Iterator[Case]:
    length = max(prefix_length(p.mask, 6) or 0 for p in (old, new))
    mask = ALL_ONES[6] ^ (ALL_ONES[6] >> length)
    adjustment = (_sum(old.value) - _sum(new.value)) % ONES
    yield Case((), (Copy("npt_before", field),), hidden=True)
    for proto in (TCP, UDP, UDPLITE, ICMP6):
        summed = (
            Masked("checksum_right", 1, -1),
            Masked("proto", proto, -1),
            Test(_FOREIGN, Prefix(old.value, mask, 6)),
        )
        yield Case(summed, (Set("checksum_right", SPOILT_HERE),), hidden=True)
    full: tuple[Test, ...] = ()
    for place in (3,) if length <= 48 else (4, 5, 6, 7):
        shift = 16 * (7 - place)
        last = ONES if length <= 48 else ONES - 1
        for first, to, amount in ((0, ONES - 1 - adjustment, 0), (ONES - adjustment, last, -ONES)):
            change = Add(field, adjustment + amount << shift, 0, ALL_ONES[6])
            yield Case((*full, Test(WORD, Word(shift, first, to))), (Set(field, new.value, mask), change))
        full = (*full, Test(WORD, Word(shift, ONES, ONES)))
    if length > 48:
        yield Case(full, (Stop("drop", detail="the address has no word left to adjust"),))


def _sum(address: int) -> int:
    return sum(address >> shift & ONES for shift in range(0, 128, 16))


@dataclass(frozen=True, slots=True)
class Word:
    """A range for the 16 bits of an address above `shift`."""

    shift: int
    first: int
    last: int


def _lies_within(word: Word, packet: Packet, _: World) -> Bool:
    return bits.between(bits.shift(packet["npt_before"], -word.shift, 16), word.first, word.last)


def _is_foreign(prefix: Prefix, packet: Packet, world: World) -> Bool:
    """Whether the address is one for which the adjustment does not fit: it is meant for those of the old prefix."""
    address = packet["npt_before"]
    if isinstance(address, int):
        return (_sum(address & prefix.mask) - _sum(prefix.value)) % ONES != 0
    within = bits.equal_masked(address, prefix.value, prefix.mask)
    return within if within is True else bits.without(world.ask(_UPSET), within)


_UPSET = assumption("the translation of an address outside of --src-pfx leaves a wrong checksum")
_FOREIGN = Key(("npt_before",), Codec("prefix", str), _is_foreign)

WORD = Key(("npt_before",), Codec("word", str), _lies_within)
