"""The options every rule may have without naming a match: -s -d -i -o -p -f (iptables(8), PARAMETERS)."""

from __future__ import annotations

from ruleparse.codec import (
    Codec,
    Prefix,
    integer,
    interface_pattern,
    protocol,
    show_protocol,
)
from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import PREFIX, TEXT
from ruleparse.program import Masked


def _address(field: str, option: tuple[str, ...]) -> Option:
    def test(value: Prefix, negated: bool) -> Masked:
        return Masked(field, value.value, value.mask, negated)

    return Option(option, PREFIX, build=test)


def _interface(field: str, option: tuple[str, ...]) -> Option:
    def test(value: str, negated: bool) -> Masked:
        return Masked(field, *interface_pattern(value), negated)

    return Option(option, Codec("name[+]", _checked_name), build=test)


def _checked_name(text: str) -> str:
    interface_pattern(text)
    return text


def _protocol_test(value: int, negated: bool) -> Masked:
    return Masked("proto", value, 255 if value else 0, negated)


def _fragment_test(_: None, negated: bool) -> Masked:
    return Masked("fragment", 0, -1, not negated)


PROTOCOL = Codec("protocol", protocol, show_protocol)

COUNTERS = Codec("packets octets", lambda *words: tuple(map(integer, words)), lambda pair: "{} {}".format(*pair), 2)
"""As `iptables -S -v` prints them."""

CORE = Match(
    "ip",
    "What every rule may ask: addresses, interfaces, protocol, fragments (iptables(8)).",
    (
        _address("src", ("-s", "--source", "--src")),
        _address("dst", ("-d", "--destination", "--dst")),
        _interface("in", ("-i", "--in-interface")),
        _interface("out", ("-o", "--out-interface")),
        Option(("-p", "--protocol", "--proto"), PROTOCOL, build=_protocol_test),
        Option(("-f", "--fragment"), build=_fragment_test),
        Option(("-c", "--set-counters"), COUNTERS),
    ),
)

JUMP = Option(("-j", "--jump"), TEXT)
GOTO = Option(("-g", "--goto"), TEXT)
MATCH = Option(("-m", "--match"), TEXT)
