"""The kernel's sets, tested by `ipset test`, against ours read from `ipset save`."""

import os
import random
import shutil
from collections.abc import Iterator

import pytest

from ruleparse.codec import interface, protocol
from ruleparse.netfilter.ipset import contains, read_sets
from ruleparse.netfilter.ipset.elements import address
from ruleparse.packet import Packet
from ruleparse.text import Source
from tests.oracle.namespaces import CommandFailed, Namespace

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("ipset") is None, reason="needs ipset"),
]

TYPES = [
    ("hash:ip", ""), ("hash:ip", "netmask 24"), ("hash:ip", "bitmask 255.0.255.0"), ("hash:net", ""),
    ("hash:ip,port", ""), ("hash:ip,port,ip", ""), ("hash:ip,port,net", ""), ("hash:net,port", ""),
    ("hash:net,net", ""), ("hash:net,port,net", ""), ("hash:net,iface", ""), ("hash:ip,mark", "markmask 0xff"),
    ("bitmap:ip", "range 10.0.0.0/16"), ("bitmap:ip", "range 10.0.0.0/16 netmask 24"), ("bitmap:port", "range 1-100"),
]  # fmt: skip

DIRECTIONS = ("src", "dst", "dst")


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    try:
        yield made
    finally:
        made.remove()


class Chance:
    """Members and packets that often meet."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed).choice

    def address(self) -> str:
        return f"10.0.{self.pick((0, 1, 128))}.{self.pick((1, 2, 200))}"

    def network(self) -> str:
        return f"{self.address()}/{self.pick((1, 8, 16, 23, 24, 30, 32))}"

    def port(self) -> str:
        return self.pick(("tcp:80", "udp:80", "tcp:81", "icmp:8/0", "icmp:3/1", "gre:0", "sctp:80"))

    def part(self, kind: str, in_packet: bool) -> str:
        match kind:
            case "ip":
                return self.address()
            case "net":
                return self.address() if in_packet else self.network()
            case "port":
                return self.port()
            case "iface":
                return self.pick(("e0", "e1", "e12"))
            case "mark":
                return self.pick(("0x1", "0x2", "0x101"))
        raise AssertionError(kind)

    def element(self, type_: str, in_packet: bool) -> str:
        if type_ == "bitmap:port":
            return self.pick(("79", "80", "81"))
        return ",".join(self.part(kind, in_packet) for kind in type_.partition(":")[2].split(","))


def packet_of(type_: str, element: str) -> Packet:
    """A packet whose dimensions are those of an element, asked with DIRECTIONS."""
    fields = ("src", "dst", "sport", "dport", "icmp_type", "icmp_code", "in", "out", "mark")
    values = {"proto": 6, **dict.fromkeys(fields, 0)}
    if type_ == "bitmap:port":
        return Packet({**values, "sport": int(element)})
    for place, (kind, word) in enumerate(zip(type_.partition(":")[2].split(","), element.split(","), strict=True)):
        end = DIRECTIONS[place]
        if kind in ("ip", "net"):
            values[end] = address(word, 4)
        elif kind == "port":
            values |= _ports(word, "sport" if end == "src" else "dport")
        elif kind == "iface":
            values["in" if end == "src" else "out"] = interface(word)
        else:
            values["mark"] = int(word, 0)
    return Packet(values)


def _ports(word: str, field: str) -> dict[str, int]:
    name, _, number = word.partition(":")
    if name == "icmp":
        kind, code = number.split("/")
        return {"proto": 1, "icmp_type": int(kind), "icmp_code": int(code)}
    return {"proto": protocol(name), field: int(number)}


class NoQuestions:
    def ask(self, question, about=None):
        raise AssertionError(question)


@pytest.mark.parametrize(("type_", "options"), TYPES, ids=[f"{t} {o}".strip() for t, o in TYPES])
def test_sets(namespace, type_, options):
    chance = Chance(len(type_))
    try:
        namespace.run("ipset", "create", "s", *type_.split(), *options.split())
    except CommandFailed as error:
        pytest.skip(f"this kernel has no {type_}: {error}")
    for _ in range(12):
        flag = ["nomatch"] if "net" in type_.partition(":")[2].split(",") and chance.pick((0, 0, 1)) else []
        try:
            namespace.run("ipset", "-exist", "add", "s", chance.element(type_, in_packet=False), *flag)
        except CommandFailed:
            continue  # out of range
    found, problems = read_sets([Source("ipset-save.txt", namespace.run("ipset", "save"))])
    assert problems == []
    for _ in range(60):
        element = chance.element(type_, in_packet=True)
        ours = contains(found["s"], DIRECTIONS, 4, packet_of(type_, element), NoQuestions(), found)
        try:
            namespace.run("ipset", "test", "s", element)
            theirs = True
        except CommandFailed:
            theirs = False
        assert ours.matched == theirs, (element, [m.text for m in found["s"].members()])
