from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import cut_if
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import AH
from ruleparse.netfilter.ipv6_headers import AUTH, find_header, header_length, is_cut
from ruleparse.netfilter.quirks import whole_header_of
from ruleparse.netfilter.unsettled import written
from ruleparse.netfilter.values import range_key, span_of, whole
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_SPI = span_of(32)
_SPI_KEY = range_key("spi", "AH index {}", _SPI)
_HEADER = 12


def _holds(givens: Givens, raw: bytes) -> bool:
    """ah_mt6: the header may stand anywhere among the extension headers. A length of 0 is not compared."""
    header = find_header(raw, AUTH)
    if header is None or len(header) < _HEADER:
        return False
    for given in givens:
        if given.name == "--ahspi":
            low, high = given.value
            right = low <= int.from_bytes(header[4:8], "big") <= high
        elif given.name == "--ahlen":
            right = not given.value or header_length(AUTH, header) == given.value
            right = right if given.value else not given.negated
        else:
            right = header[2:4] == b"\0\0"
        if right is given.negated:
            return False
    return True


def _tests(givens: Givens, context: Context) -> Tests:
    if context.family == 4:
        yield from whole_header_of(_HEADER, "ah")
        yield from (Test(_SPI_KEY, given.value, given.negated) for given in givens if given.name == "--ahspi")
        return
    yield cut_if(lambda raw: is_cut(raw, AUTH, _HEADER), "ah", "is cut short in its headers")
    question = context.asks(f"the packet has an authentication header{written(givens)}")
    only_index = all(given.name == "--ahspi" for given in givens)

    def means(_: object, packet: Packet, world: World) -> Bool:
        raw = wire.current(packet)
        if raw is not None:
            return _holds(givens, raw)
        if not only_index:
            return world.ask(question)
        is_ah = bits.equal_masked(packet["proto"], AH, -1)
        answers = (Test(_SPI_KEY, given.value, given.negated).holds(packet, world) for given in givens)
        return is_ah if is_ah is False else bits.both(is_ah, bits.all_of(answers))

    yield Test(Key(("ah",), _SPI, means), None)


MATCH = Match(
    "ah",
    """The security parameter index of an AH packet; in IPv6 any of the extension headers may be the one
    (iptables-extensions(8); net/ipv4/netfilter/ipt_ah.c, net/ipv6/netfilter/ip6t_ah.c).""",
    (Option(("--ahspi",), _SPI), Option(("--ahlen",), whole(32)), Option(("--ahres",))),
    tests=_tests,
)
