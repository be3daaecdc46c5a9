from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, integer
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import cut_if, of_bytes, tcp_options_are_cut
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.values import DPORT, PORTS, SPORT
from ruleparse.packet import Packet
from ruleparse.program import Key, Masked, Test, World

FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}


def parse_flags(text: str) -> int:
    """`SYN,ACK`, `ALL` or `NONE` as bits."""
    if text in ("ALL", "NONE"):
        return 63 if text == "ALL" else 0
    try:
        return sum(FLAGS[word] for word in set(text.split(",")))
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is not a TCP flag ({', '.join(FLAGS)})") from None


def show_flags(value: int) -> str:
    return ",".join(name for name, bit in FLAGS.items() if value & bit) or "NONE"


def _flag_test(value: tuple[int, int], negated: bool) -> Masked:
    mask, wanted = value
    return Masked("tcp_flags", wanted, mask, negated)


FLAG_PAIR = Codec(
    "mask flags",
    lambda mask, flags: (parse_flags(mask), parse_flags(flags)),
    lambda pair: f"{show_flags(pair[0])} {show_flags(pair[1])}",
    words=2,
)


def _has_option(number: int, raw: bytes) -> bool:
    return number in wire.tcp_options(raw)


def _tests(givens: Givens, context: Context) -> Tests:
    native = context.flavour == "nft" and not givens.has("--tcp-option")
    if native and (pair := _negated_port_pair(givens)):
        yield pair
        givens = Givens([g for g in givens if g.name not in ("--sport", "--dport")])
    for given in givens:
        if (test := given.option.test(given.value, given.negated)) is not None:
            yield test
    for given in givens:
        if given.name == "--tcp-option":
            yield cut_if(tcp_options_are_cut, "tcp", "has TCP options that are cut short")
            question = context.asks(f"the packet has TCP option {given.value}")
            yield Test(_option_key(of_bytes("tcp option", _has_option, question)), given.value, given.negated)


def _option_key(asked: Key) -> Key:
    """An option that a rule has overwritten is not there, whatever the packet came with."""

    def means(number: int, packet: Packet, world: World) -> Bool:
        answer = asked.means(number, packet, world)
        return answer if packet.raw else bits.without(answer, bits.bit(packet["tcp_stripped"], number))

    return Key(asked.names, asked.codec, means)


def _negated_port_pair(givens: Givens) -> Test | None:
    """iptables-nft 1.8.9 compares `! --sport X ! --dport Y` in one go: it matches unless both are equal."""
    ports = [g for g in givens if g.name in ("--sport", "--dport")]
    if len(ports) != 2 or not all(g.negated and g.value[0] == g.value[1] for g in ports):
        return None
    return Test(PORT_PAIR, (givens.get("--sport"), givens.get("--dport")), negated=True)


def _both_ports(value: tuple[tuple[int, int], tuple[int, int]], packet: Packet, _: World) -> Bool:
    (sport, _high), (dport, _high2) = value
    return bits.both(bits.equal_masked(packet["sport"], sport, -1), bits.equal_masked(packet["dport"], dport, -1))


PORT_PAIR = Key(("sport", "dport"), Codec("pair", str), _both_ports, "source and destination port {}")

MATCH = Match(
    "tcp",
    """TCP ports, flags and options, from the first fragment's header
    (iptables-extensions(8); net/netfilter/xt_tcpudp.c).""",
    (
        Option(("--sport", "--source-port"), PORTS, SPORT),
        Option(("--dport", "--destination-port"), PORTS, DPORT),
        Option(("--tcp-flags",), FLAG_PAIR, build=_flag_test),
        Option(("--syn",), build=lambda _, negated: Masked("tcp_flags", 2, 2 | 4 | 16 | 1, negated)),
        Option(("--tcp-option",), Codec("number", lambda text: integer(text, 1, 255))),
    ),
    tests=_tests,
    reads=20,
    native_in_nft=True,
    compat_options=("--tcp-option",),
)
