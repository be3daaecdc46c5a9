from __future__ import annotations

from ruleparse.netfilter.bytewise import cut_if, of_bytes, transport_header
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import DCCP
from ruleparse.netfilter.values import DPORT, SPORT, bit_names, span_of, whole
from ruleparse.program import Test

_NAMES = ("REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID")
_TYPES = bit_names({name: 1 << number for number, name in enumerate(_NAMES)})
_OPTION = whole(8)
_HEADER = 12
_EXTRA = {0: 4, 1: 12, 2: 0, 3: 8, 4: 8, 5: 8, 6: 8, 8: 8, 9: 8}
"""Octets that a type adds to the header (linux/dccp.h, dccp_packet_hdr_len)."""


def _type(header: bytes) -> int:
    return header[8] >> 1 & 15


def _is_type(wanted: int, raw: bytes) -> bool:
    header = transport_header(raw, DCCP)
    return header is not None and len(header) >= _HEADER and bool(wanted >> _type(header) & 1)


def _options(raw: bytes) -> bytes | None:
    """A packet's options; None if they are cut short."""
    header = transport_header(raw, DCCP)
    if header is None or len(header) < _HEADER:
        return b""
    start, end = (16 if header[8] & 1 else _HEADER) + _EXTRA.get(_type(header), 12), header[4] * 4
    return header[start:end] if start == end or start < end <= len(header) else None


def _has_option(wanted: int, raw: bytes) -> bool:
    """dccp_find_option: options 0 and 1 are one octet long, others say how long they are."""
    options, at = _options(raw) or b"", 0
    while at < len(options):
        if options[at] == wanted:
            return True
        at += 1 if options[at] < 2 or at + 1 >= len(options) else options[at + 1] or 1
    return False


_READERS = {
    "--dccp-types": (_is_type, "the packet's DCCP type is {}"),
    "--dccp-option": (_has_option, "the packet has DCCP option {}"),
}


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        if (test := given.option.test(given.value, given.negated)) is not None:
            yield test
    for given in givens:
        if given.name == "--dccp-option":
            yield cut_if(lambda raw: _options(raw) is None, "dccp", "has DCCP options that are cut short")
        if given.name in _READERS:
            holds, words = _READERS[given.name]
            codec = given.option.codec
            question = context.asks(words.format(codec.show(given.value)))
            yield Test(of_bytes(given.name[2:], holds, question, codec), given.value, given.negated)


MATCH = Match(
    "dccp",
    "DCCP ports, packet types and options (iptables-extensions(8); net/netfilter/xt_dccp.c).",
    (
        Option(("--sport", "--source-port"), span_of(16), SPORT),
        Option(("--dport", "--destination-port"), span_of(16), DPORT),
        Option(("--dccp-types",), _TYPES),
        Option(("--dccp-option",), _OPTION),
    ),
    tests=_tests,
    reads=_HEADER,
)
