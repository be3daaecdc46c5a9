"""A real kernel routes, and says what it found: `ip route get` against the table "fib"."""

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress

import pytest

from ruleparse.codec import address, show_address
from ruleparse.evaluate import walk
from ruleparse.packet import Packet
from ruleparse.routing.model import ROUTE_TYPES
from tests.oracle.namespaces import CommandFailed, Namespace
from tests.routes import node, packet, shown, words

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2"),
]

OUTS = ("e0", "e1", "e2")
ADDRESSES = {
    4: {"e0": "10.0.0.1/24", "e1": "10.1.0.1/16", "e2": "10.2.0.1/31"},
    6: {"e0": "fd00:0:0:1::1/64", "e1": "fd00:1::1/48", "e2": "fd00:2::1/127"},
}
GATEWAYS = {4: ("10.0.0.2", "10.1.0.9", "10.2.0.0"), 6: ("fd00:0:0:1::2", "fd00:1::9", "fd00:2::")}
SOURCES = {4: ("10.1.0.77", "10.4.3.2", "192.0.2.9"), 6: ("fd00:1::77", "fd00:4::2", "2001:db8::9")}
SELECTORS = {
    4: ("from 10.1.0.0/16", "from 10.4.0.0/14", "to 10.244.0.0/16", "to 10.0.0.0/9", "tos 0x10", "uidrange 0-10"),
    6: ("from fd00:1::/48", "from fd00:4::/30", "to fd00:1::/32", "to fd00::/24"),
}
ANY_FAMILY = (
    "fwmark 1",
    "fwmark 2/3",
    "fwmark 0/1",
    "iif e0",
    "iif lo",
    "iif gone",
    "oif e1",
    "ipproto tcp",
    "dport 80-90",
)
ERRORS = {
    "No route to host": "unreachable", "Permission denied": "prohibit", "Network is unreachable": "none",
    "Invalid argument": "blackhole",
}  # fmt: skip


class Router:
    """A namespace with three interfaces, and routes and rules at random."""

    def __init__(self, family: int, seed: int) -> None:
        self.family = family
        self.random = random.Random(seed)
        self.namespace = Namespace()

    def ip(self, *words: str) -> str:
        return self.namespace.run("ip", f"-{self.family}", *words)

    def try_ip(self, *words: str) -> None:
        """What chance puts together need not make sense to the kernel."""
        with suppress(CommandFailed):
            self.ip(*words)

    def build(self) -> None:
        write = self.namespace.write
        write("/proc/sys/net/ipv4/ip_forward", "1")
        write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
        self.ip("link", "set", "lo", "up")
        for out in OUTS:
            self.ip("link", "add", out, "type", "veth", "peer", "name", f"far-{out}")
            write(f"/proc/sys/net/ipv4/conf/{out}/rp_filter", "0")
            write(f"/proc/sys/net/ipv6/conf/{out}/accept_dad", "0")
            self.ip("link", "set", out, "up")
            self.ip("link", "set", f"far-{out}", "up")
            self.ip("addr", "add", ADDRESSES[self.family][out], "dev", out)
        write("/proc/sys/net/ipv4/conf/all/rp_filter", "0")

    def add_routes(self) -> None:
        for _ in range(self.random.randint(5, 25)):
            self.try_ip(*self.some_route())
        for _ in range(self.random.choice([0, 2, 4])):
            self.try_ip(*self.some_rule())

    def some_address(self) -> int:
        second, third, last = (
            self.random.choice(of) for of in ((0, 1, 2, 3, 4, 244), (0, 1, 2), (0, 1, 2, 3, 5, 128, 255))
        )
        if self.family == 4:
            return 10 << 24 | second << 16 | third << 8 | last
        return 0xFD00 << 112 | second << 96 | third << 64 | last

    def some_route(self) -> list[str]:
        length = self.random.choice(
            [0, 8, 12, 16, 20, 24, 28, 30, 32] if self.family == 4 else [0, 16, 32, 48, 50, 64, 96, 128]
        )
        size = 32 if self.family == 4 else 128
        to = f"{show_address(self.some_address() >> size - length << size - length, self.family)}/{length}"
        kind = self.random.choice(["unicast"] * 8 + ["blackhole", "unreachable", "prohibit", "throw", "local"])
        table = [
            "table",
            self.random.choice(["main", "main", "100", "200"] if self.random.random() < 0.9 else ["local"]),
        ]
        metric = ["metric", self.random.choice(["10", "20", "1024"])] if self.random.random() < 0.5 else []
        return ["route", self.random.choice(["add", "append"]), kind, to, *self.some_way(kind), *table, *metric]

    def some_way(self, kind: str) -> list[str]:
        n = self.random.randrange(3)
        if kind == "local":
            return ["dev", self.random.choice(["lo", "e0"])]
        if kind != "unicast":
            return []
        gateways = GATEWAYS[self.family]
        two = f"nexthop via {gateways[0]} dev e0 weight 2 nexthop via {gateways[1]} dev e1".split()
        return self.random.choice([["dev", OUTS[n]], ["via", gateways[n], "dev", OUTS[n]], two])

    def some_rule(self) -> list[str]:
        selectors = self.random.sample(SELECTORS[self.family] + ANY_FAMILY, self.random.choice([0, 1, 1, 2]))
        action = self.random.choice([
            "lookup 100", "lookup 200", "lookup 300", "lookup main suppress_prefixlength 0",
            "lookup 100 suppress_prefixlength 16", "goto 40", "goto 32766", "goto 77", "prohibit", "blackhole",
        ])  # fmt: skip
        turned = ["not"] if self.random.random() < 0.15 else []
        preference = self.random.choice(["10", "20", "30", "40", "32000"])
        return ["rule", "add", "pref", preference, *turned, *" ".join(selectors).split(), *action.split()]

    def saved(self):
        run = self.namespace.run
        dumps = {"route": run("ip", "route", "show", "table", "all"), "addr": run("ip", "addr")}
        return node(**dumps, rule=run("ip", "rule"), rule6=run("ip", "-6", "rule"))

    def some_packet(self) -> dict[str, str | int]:
        pick = self.random.choice
        came_in = pick(["", *OUTS])
        ports = pick([{"proto": 0, "sport": 0, "dport": 0}, {"proto": 6, "sport": 1000, "dport": 85}])
        return {
            "dst": show_address(self.some_address(), self.family),
            "src": pick(SOURCES[self.family]) if came_in else show_address(0, self.family),
            "mark": pick([0, 1, 2, 3]),
            "tos": pick([0, 0x10]) if self.family == 4 else 0,
            "route_in": came_in,
            "local": int(not came_in),
            **ports,
        }

    def ask(self, fields: dict[str, str | int]) -> str:
        """What the kernel answers, in the words of these tests."""
        asked = ["route", "get", fields["dst"], "mark", fields["mark"]]
        if fields["tos"]:
            asked += ["tos", hex(int(fields["tos"]))]
        if fields["proto"]:
            asked += ["ipproto", "tcp", "sport", fields["sport"], "dport", fields["dport"]]
        if fields["route_in"]:
            asked += ["from", fields["src"], "iif", fields["route_in"]]
        try:
            return _shortened(self.ip(*map(str, asked)), str(fields["dst"]))
        except CommandFailed as error:
            return next((kind for words, kind in ERRORS.items() if words in str(error)), str(error))


def _shortened(answer: str, dst: str) -> str:
    said = answer.split()
    kind = said[0] if said[0] in ROUTE_TYPES else "unicast"
    if kind != "unicast":
        return kind  # what stays here is said to leave by lo
    via = said[said.index("via") + 1] if "via" in said else dst
    return f"unicast dev {said[said.index('dev') + 1]}" + (f" via {via}" if via != dst else "")


def answers(tables, family: int, asked: Packet) -> Iterator[str]:
    """Every answer that the choices left open allow."""
    walk(tables, "fib", asked)
    open_questions = list(asked.unknowns.assumptions)
    for number in range(1 << len(open_questions)):
        settled: dict[tuple[str, object], int] = {key: number >> i & 1 for i, key in enumerate(open_questions)}
        (end,) = walk(tables, "fib", asked, settled).ends
        found = words(end.packet.but({"route_source": 0}), family)
        yield found if found.startswith("unicast") else found.split()[0]


def has_no_way_back(tables, family: int, fields: dict[str, str | int]) -> bool:
    """Such packets are refused before their own route counts."""
    if not fields["route_in"] or family == 6:
        return False
    back = packet(dst=fields["src"], src=fields["dst"], tos=fields["tos"])
    return not any(each.startswith("unicast") for each in answers(tables, family, back))


@pytest.fixture(params=[(family, seed) for family in (4, 6) for seed in range(8)], ids="ipv{0[0]}-{0[1]}".format)
def router(request):
    made = Router(*request.param)
    try:
        made.build()
        made.add_routes()
        yield made
    finally:
        made.namespace.remove()


def test_routes(router):
    tables = router.saved().tables(router.family)
    for _ in range(40):
        fields = router.some_packet()
        said = router.ask(fields)
        if said not in ("blackhole", "none") or not has_no_way_back(tables, router.family, fields):
            assert said in set(answers(tables, router.family, packet(**fields))), (fields, router.ip("rule"))


# MASQUERADE takes the address that a route without one of its own gets

SOURCES6 = (
    "fd00:1::{}/64",
    "fd00:2::{}/48",
    "2001:db8::{}/64",
    "2002:a00::{}/64",
    "fec0:1::{}/64",
    "fe80::{}/64",
    "2001:10::{}/64",
)
TARGETS6 = (*SOURCES6, "2400::{}", "ff02::{}", "ff05::{}", "ff0e::{}", "fd00:1::{}:5", "fd00:2:0:{}::1")


@pytest.fixture(params=range(4))
def addressed(request):
    made = Router(6, request.param)
    try:
        made.build()
        for out in ("lo", *OUTS):
            for text in made.random.sample(SOURCES6, made.random.choice([0, 1, 3])):
                old = ["preferred_lft", "0"] if made.random.random() < 0.2 else []
                made.try_ip("addr", "add", text.format(made.random.randint(1, 9)), "dev", out, "nodad", *old)
        yield made
    finally:
        made.namespace.remove()


def test_source_addresses(addressed):
    tables = addressed.saved().tables(6)
    for out in OUTS:
        for text in TARGETS6:
            dst = text.partition("/")[0].format(addressed.random.randint(10, 12))
            addressed.try_ip("route", "replace", f"{dst}/128", "dev", out, "metric", "1")
            said = addressed.ip("route", "get", dst, "oif", out).split()
            (end,) = walk(tables, "masquerade", packet(dst=dst, out=out)).ends
            addressed.try_ip("route", "del", f"{dst}/128", "dev", out, "metric", "1")
            if said[said.index("dev") + 1] == out:
                chosen = None if end.stop.verdict == "drop" else shown(end.packet["src"], 6)
                assert chosen == (said[said.index("src") + 1] if "src" in said else None), (dst, out)


@pytest.fixture(params=range(4))
def addressed4(request):
    made = Router(4, request.param)
    try:
        made.build()
        for out in ("lo", *OUTS):
            for _ in range(made.random.choice([0, 1, 3])):
                host = f"10.{made.random.randint(0, 2)}.0.{made.random.randint(10, 19)}"
                peer = ["peer", f"10.1.9.{made.random.randint(1, 9)}/24"] if made.random.random() < 0.2 else []
                made.try_ip("addr", "add", *([host, *peer] if peer else [f"{host}/{made.random.choice([8, 24, 32])}"]),
                            "dev", out, "scope", made.random.choice(["global", "global", "link", "host"]))  # fmt: skip
        made.try_ip("addr", "del", ADDRESSES[4]["e2"], "dev", "e2")
        yield made
    finally:
        made.namespace.remove()


def test_source_addresses4(addressed4):
    tables = addressed4.saved().tables(4)
    for out in OUTS:
        for last in range(8, 14):
            gateway = f"10.{last % 3}.{addressed4.random.choice([0, 9])}.{last}"
            addressed4.try_ip("route", "replace", "203.0.113.7", "via", gateway, "dev", out, "onlink")
            said = addressed4.ip("route", "get", "203.0.113.7").split()
            asked = packet(dst="203.0.113.7", out=out, route_gateway=address(gateway))
            (end,) = walk(tables, "masquerade", asked).ends
            if said[said.index("dev") + 1] == out:
                chosen = None if end.stop.verdict == "drop" else shown(end.packet["src"], 4)
                assert chosen == (said[said.index("src") + 1] if "src" in said else None), (gateway, out)
