"""The matches that random rules are made of; a row says what it can about the packet the rule is written for."""

from __future__ import annotations

import ipaddress

from tests.oracle import wire
from tests.oracle.draft import ARRIVING, LEAVING, PORTS, Draft, Row, table_of
from tests.oracle.sets import describe

CORE: list[Row] = []
MATCHES: list[Row] = []
core = table_of(CORE)
match = table_of(MATCHES)
_NOT_ARRIVING = frozenset({"OUTPUT", "POSTROUTING"})
_NOT_LEAVING = frozenset({"PREROUTING", "INPUT"})


# Core


@core(5, "address")
def source(d: Draft) -> str:
    return d.option("-s", d.network(d.packet.src), d.other_network(d.packet.src))


@core(5, "address")
def destination(d: Draft) -> str:
    return d.option("-d", d.network(d.packet.dst), d.other_network(d.packet.dst))


@core(3, "interface")
def incoming(d: Draft) -> str | None:
    if d.built_in and d.hooks & _NOT_ARRIVING:
        return None
    return d.option("-i", d.interface(d.ingress), d.other_interface(d.ingress))


@core(3, "interface")
def outgoing(d: Draft) -> str | None:
    if d.built_in and d.hooks & _NOT_LEAVING:
        return None
    return d.option("-o", d.interface(d.egress), d.other_interface(d.egress))


@core(0.4, "headers", families=(4,))
def fragment(d: Draft) -> str:
    return d.pick("-f", "! -f")


# Transport


def _ports(d: Draft) -> str:
    options = []
    for flag, port in d.rng.sample([("--sport", d.packet.sport), ("--dport", d.packet.dport)], d.pick(1, 1, 2)):
        options.append(d.option(flag, d.number(port), d.other_number(port)))
    negated_twice = " ".join(options).count("!") == 2
    return " ".join(options[:1] if negated_twice else options)


@match(6, "ports", protos=(wire.TCP,))
def tcp(d: Draft) -> str:
    options = [_ports(d)] if d.chance(0.8) else []
    if not options or d.chance(0.3):
        options.append(_tcp_flags(d))
    return " ".join(options)


def _tcp_flags(d: Draft) -> str:
    flags = d.packet.flags
    right = [text for text, mask, value in _FLAG_TESTS if flags & mask == value]
    wrong = [text for text, mask, value in _FLAG_TESTS if flags & mask != value]
    if d.chance(0.15):
        return d.negation() + "--tcp-option " + d.pick("2", "8", "253")
    return d.option("--tcp-flags", d.pick(*right), d.pick(*wrong)) if right and wrong else "--tcp-flags ALL SYN"


#: text, mask, value
_FLAG_TESTS = (
    ("FIN,SYN,RST,ACK SYN", 0x17, 0x02),
    ("FIN,SYN,RST,ACK ACK", 0x17, 0x10),
    ("SYN,ACK SYN,ACK", 0x12, 0x12),
    ("SYN SYN", 0x02, 0x02),
    ("ACK NONE", 0x10, 0x00),
    ("RST RST", 0x04, 0x04),
    ("RST NONE", 0x04, 0x00),
    ("ALL NONE", 0x3F, 0x00),
    ("ALL FIN,PSH,URG", 0x3F, 0x29),
)


@match(7, "ports", protos=(wire.UDP,))
def udp(d: Draft) -> str:
    return _ports(d)


@match(9, "ports", protos=(wire.SCTP,))
def sctp(d: Draft) -> str:
    options = [_ports(d)] if d.chance(0.7) else []
    if not options or d.chance(0.4):
        chunks = d.pick("INIT", "DATA", "INIT,COOKIE_ECHO", "INIT_ACK", "ABORT,SHUTDOWN", "DATA:Be")
        options.append(f"{d.negation()}--chunk-types {d.pick('any', 'all', 'only')} {chunks}")
    return " ".join(options)


@match(10, "ports", protos=(wire.DCCP,))
def dccp(d: Draft) -> str:
    options = [_ports(d)] if d.chance(0.7) else []
    if not options or d.chance(0.4):
        options.append(f"{d.negation()}--dccp-types {d.pick('REQUEST', 'RESPONSE,DATA', 'REQUEST,RESET', 'CLOSE')}")
    return " ".join(options)


@match(4, "ports", protos=wire.WITH_PORTS)
def multiport(d: Draft) -> str:
    flag, port = d.pick(("--sports", d.packet.sport), ("--dports", d.packet.dport), ("--ports", d.packet.dport))
    others = [str(other) for other in d.rng.sample(PORTS, d.rng.randrange(1, 5)) if other != port]
    others += ["30000:30100"] if d.chance(0.3) and not 30000 <= port <= 30100 else []
    others = others or ["7"]
    return d.option(flag, ",".join([*others, d.number(port)]), ",".join(others))


@match(9, "ports", families=(4,), protos=(wire.ICMP,))
def icmp(d: Draft) -> str:
    kind, code = d.packet.icmp
    right = d.pick(str(kind), f"{kind}/{code}", *_ICMP_NAMES.get(d.packet.icmp, ()))
    if d.holds and d.chance(0.1):
        return "--icmp-type any"
    return d.option("--icmp-type", right, d.pick("3", "3/9", "30", f"{kind}/{code + 1}") if kind != 3 else "8")


@match(9, "ports", families=(6,), protos=(wire.ICMP6,))
def icmp6(d: Draft) -> str:
    kind, code = d.packet.icmp
    right = d.pick(str(kind), f"{kind}/{code}", *_ICMP6_NAMES.get(d.packet.icmp, ()))
    return d.option("--icmpv6-type", right, d.pick("1", "1/4", "200", f"{kind}/{code + 1}") if kind != 1 else "128")


_ICMP_NAMES = {
    (8, 0): ("echo-request",),
    (0, 0): ("echo-reply",),
    (3, 3): ("port-unreachable",),
    (3, 1): ("host-unreachable",),
    (11, 0): ("ttl-zero-during-transit",),
    (13, 0): ("timestamp-request",),
    (5, 1): ("host-redirect",),
}
_ICMP6_NAMES = {
    (128, 0): ("echo-request",),
    (129, 0): ("echo-reply",),
    (1, 4): ("port-unreachable",),
    (2, 0): ("packet-too-big",),
    (135, 0): ("neighbour-solicitation",),
    (134, 0): ("router-advertisement",),
}


@match(10, protos=(wire.ESP,))
def esp(d: Draft) -> str:
    return d.option("--espspi", d.number(d.packet.spi, 0xFFFFFFFF), d.other_number(d.packet.spi))


@match(10, families=(4,), protos=(wire.AH,))
def ah(d: Draft) -> str:
    return d.option("--ahspi", d.number(d.packet.spi, 0xFFFFFFFF), d.other_number(d.packet.spi))


@match(10, protos=(wire.IPCOMP,))
def ipcomp(d: Draft) -> str:
    spi = d.packet.spi & 0xFFFF
    return d.option("--ipcompspi", spi, spi ^ 1)


@match(10, families=(6,), protos=(wire.MH,))
def mh(d: Draft) -> str:
    return d.option("--mh-type", d.number(d.packet.icmp[0], 255), d.other_number(d.packet.icmp[0], 255))


@match(0.5, "headers", protos=(wire.TCP,))
def tcpmss(d: Draft) -> str:
    return d.negation() + "--mss " + d.pick("1460", "500:1400", "1401:65535")


# Addresses and interfaces


@match(1.3, "address")
def iprange(d: Draft) -> str:
    side, address = d.pick(("src", d.packet.src), ("dst", d.packet.dst))
    return d.option(f"--{side}-range", _around(d, address), _around(d, d.other_address(address), width=1))


def _around(d: Draft, address: str, width: int = 6) -> str:
    middle, top = int(ipaddress.ip_address(address)), 2 ** (32 if d.family == 4 else 128) - 1
    make = ipaddress.IPv4Address if d.family == 4 else ipaddress.IPv6Address
    return f"{make(max(0, middle - d.rng.randrange(width)))}-{make(min(top, middle + d.rng.randrange(width)))}"


@match(2, "address")
def addrtype(d: Draft) -> str:
    side, address = d.pick(("src", d.packet.src), ("dst", d.packet.dst))
    types = [
        "UNICAST",
        "LOCAL",
        "MULTICAST",
        "ANYCAST",
        "UNREACHABLE",
        *(["BROADCAST", "BLACKHOLE", "PROHIBIT"] * (d.family == 4)),
    ]
    right = "LOCAL" if d.site.egress(address) == "lo" else "UNICAST"
    types.remove(right)
    wrong = ",".join(d.rng.sample(types, d.pick(1, 1, 2)))
    limits = [f"--limit-iface-{way}" for way, allowed in (("in", ARRIVING), ("out", LEAVING)) if d.hooks <= allowed]
    limit = f" {d.pick(*limits)}" if limits and d.chance(0.2) else ""
    return d.option(f"--{side}-type", right if d.chance(0.8) else f"{right},{types[0]}", wrong) + limit


@match(0.8, "address", hooks=ARRIVING)
def mac(d: Draft) -> str | None:
    if d.packet.local:
        return None
    return d.option("--mac-source", d.packet.src_mac or d.site.link(d.packet.enters).far_mac, "02:00:00:00:00:99")


@match(0.8, "address")
def pkttype(d: Draft) -> str:
    return d.option("--pkt-type", "unicast", d.pick("broadcast", "multicast"))


@match(1.2, "address", hooks=("PREROUTING",), tables=("raw", "mangle"))
def rpfilter(d: Draft) -> str:
    return " ".join(flag for flag in ("--loose", "--validmark", "--accept-local", "--invert") if d.chance(0.35))


@match(0.4, "interface")
def devgroup(d: Draft) -> str | None:
    side = "src" if d.hooks <= ARRIVING else "dst" if d.hooks <= LEAVING else None
    return side and f"{d.negation()}--{side}-group {d.pick('0x5', '0x7', '0x0', '0x4/0x4')}"


@match(0.3, "untold", hooks=ARRIVING)
def physdev(d: Draft) -> str:
    return d.negation() + d.pick("--physdev-is-bridged", "--physdev-is-in", f"--physdev-in {d.ingress}")


@match(1.5, "local", hooks=("OUTPUT", "POSTROUTING"))
def owner(d: Draft) -> str:
    uid = d.packet.uid
    return d.pick(
        d.option("--uid-owner", d.pick(uid, f"{max(0, uid - 3)}-{uid + 3}"), uid + 5),
        d.negation() + "--gid-owner 0",
        d.negation() + "--socket-exists",
    )


@match(0.2, "state", hooks=("PREROUTING", "INPUT"), tables=("raw", "mangle", "filter"))
def socket(d: Draft) -> str:
    return d.pick("", "--nowildcard", "--transparent")


@match(0.2, hooks=("INPUT", "FORWARD", "OUTPUT", "POSTROUTING"), families=(4,))
def realm(d: Draft) -> str:
    return d.negation() + "--realm " + d.pick("0x2a", "0x0", "0x0/0x2a")


@match(0.4)
def policy(d: Draft) -> str | None:
    way = "in" if d.hooks <= ARRIVING else "out" if d.hooks <= LEAVING else None
    return way and f"--dir {way} --pol {d.pick('none', 'ipsec')}"


@match(0.2, families=(6,), hooks=ARRIVING)
def eui64(_: Draft) -> str:
    return ""


# Header fields


@match(0.8, "headers")
def length(d: Draft) -> str:
    size = len(d.packet.encode())
    size = size - 40 if d.family == 6 and d.chance(0.1) else size
    return d.option("--length", d.number(size), d.other_number(size))


@match(1, "headers", families=(4,))
def ttl(d: Draft) -> str:
    return _hops(d, "ttl")


@match(1, "headers", families=(6,))
def hl(d: Draft) -> str:
    return _hops(d, "hl")


def _hops(d: Draft, name: str) -> str:
    value = d.ttl
    if d.chance(0.5):
        return d.option(f"--{name}-eq", value, (value + 1) % 256)
    way, edge = d.pick(("gt", -1), ("lt", 1))
    return f"--{name}-{way} {min(255, max(0, value + (edge if d.holds else 0)))}"


@match(1, "headers")
def tos(d: Draft) -> str:
    mask = d.pick(0xFF, 0x3F, 0xFC, 0x1E, 0x03)
    value = d.packet.tos & mask
    return d.option("--tos", f"{value:#x}/{mask:#x}", f"{value ^ mask & -mask:#x}/{mask:#x}")


@match(1, "headers")
def dscp(d: Draft) -> str:
    value = d.packet.tos >> 2
    if value == 46 and d.chance(0.5):
        return "--dscp-class EF"
    return d.option("--dscp", f"{value:#x}", f"{value ^ 1:#x}")


@match(0.6, "headers")
def ecn(d: Draft) -> str:
    if d.proto == wire.TCP and d.chance(0.6):
        flag, bit = d.pick(("--ecn-tcp-cwr", wire.CWR), ("--ecn-tcp-ece", wire.ECE))
        return ("" if bool(d.packet.flags & bit) == d.holds else "! ") + flag
    value = d.packet.tos & 3
    return d.option("--ecn-ip-ect", value, value ^ 1)


@match(0.7, "headers")
def u32(d: Draft) -> str:
    raw = d.packet.encode()
    at, mask = d.pick(
        *(
            ((0, 0xFFFF), (12, 0xFFFFFFFF), (16, 0xFFFFFF00), (6, 0xFF))
            if d.family == 4
            else ((0, 0xF0000000), (4, 0xFF00), (8, 0xFFFFFFFF), (24, 0xFFFF0000))
        )
    )
    tests = [_u32_test(d, raw, f"{at}", at, mask)]
    if d.proto in wire.WITH_PORTS and len(raw) >= 44 and d.chance(0.5):
        start, at = ("0>>22&0x3C@0", 20) if d.family == 4 else ("40", 40)
        tests.append(_u32_test(d, raw, start, at, 0xFFFF))
    return f'{d.negation() if d.chance(0.5) else ""}--u32 "{"&&".join(tests)}"'


def _u32_test(d: Draft, raw: bytes, location: str, at: int, mask: int) -> str:
    value = int.from_bytes(raw[at : at + 4], "big") & mask
    value = value if d.holds else value ^ mask & -mask
    alternatives = d.pick(
        f"{value:#x}", f"{value:#x}", f"{max(0, value - 3):#x}:{min(0xFFFFFFFF, value + 3):#x}", f"0x7,{value:#x}"
    )
    return f"{location}&{mask:#x}={alternatives}"


@match(0.5, "headers")
def string(d: Draft) -> str:
    words = d.packet.payload.split() or [b"xyzzy"]
    right, algorithm = words[0][:8].decode("latin1"), d.pick("bm", "kmp")
    if not right.isalnum():
        right = "GET"
    where = d.pick("", "", " --to 60", " --from 20", " --from 28 --to 41", " --icase")
    return d.option("--string", right, "nosuchword") + f" --algo {algorithm}{where}"


@match(0.2, families=(4,))
def bpf(d: Draft) -> str:
    return d.pick('--bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"', '--bytecode "1,6 0 0 65535"')


@match(0.8, "headers", families=(6,))
def ipv6header(d: Draft) -> str:
    names = {wire.HOP_BY_HOP: "hop", wire.ROUTING: "route", wire.FRAGMENT: "frag", wire.DESTINATION: "dst"}
    right = ",".join(names[kind] for kind in d.packet.extensions) or d.pick("hop", "route", "none", "prot")
    soft = " --soft" if d.chance(0.5) else ""
    return f"{d.negation()}--header {d.pick(right, 'hop', 'dst', 'hop,dst')}{soft}"


@match(1, "headers", families=(6,))
def frag(d: Draft) -> str:
    return d.pick(
        "--fragfirst", "--fragmore", "--fraglast", f"--fragid {d.packet.ident}", "--fragid 1:9999 --fragfirst"
    )


@match(0.7, "headers", families=(6,))
def hbh(d: Draft) -> str:
    return d.pick(d.negation() + "--hbh-len 8", "--hbh-opts 1:4", "--hbh-opts 5:2")


@match(0.7, "headers", families=(6,))
def dst(d: Draft) -> str:
    return d.pick(d.negation() + "--dst-len 8", "--dst-opts 1:4", "--dst-opts 5:2")


@match(0.7, "headers", families=(6,))
def rt(d: Draft) -> str:
    return d.pick(d.negation() + "--rt-type 0", d.negation() + "--rt-segsleft 0:3", "--rt-type 0 --rt-len 24")


# Connection tracking and marks


@match(3, "state")
def conntrack(d: Draft) -> str:
    if d.chance(0.65):
        return f"{d.negation()}--ctstate {_states(d, 'SNAT', 'DNAT')}"
    options = [d.pick(*_CONNTRACK)(d)]
    if d.chance(0.3):
        options.append("--ctstate " + d.pick("NEW", "RELATED,ESTABLISHED", "INVALID"))
    return " ".join(options)


@match(1.2, "state")
def state(d: Draft) -> str:
    return f"{d.negation()}--state {_states(d)}"


def _states(d: Draft, *more: str) -> str:
    if d.holds and d.chance(0.6):
        return d.pick("NEW", "NEW,RELATED", "INVALID,NEW", "NEW,ESTABLISHED")
    return ",".join(d.rng.sample(["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", *more], d.pick(1, 1, 2, 3)))


_CONNTRACK = (
    lambda d: d.option("--ctproto", d.packet.proto, d.packet.proto ^ 1),
    lambda d: d.option("--ctorigsrc", d.network(d.packet.src), d.other_address(d.packet.src)),
    lambda d: d.option("--ctorigdst", d.network(d.packet.dst), d.other_address(d.packet.dst)),
    lambda d: d.option("--ctreplsrc", d.network(d.packet.dst), d.other_address(d.packet.dst)),
    lambda d: d.option("--ctrepldst", d.network(d.packet.src), d.other_address(d.packet.src)),
    lambda d: d.option("--ctorigsrcport", d.number(d.packet.sport), d.other_number(d.packet.sport)),
    lambda d: d.option("--ctorigdstport", d.number(d.packet.dport), d.other_number(d.packet.dport)),
    lambda d: d.option("--ctreplsrcport", d.number(d.packet.dport), d.other_number(d.packet.dport)),
    lambda d: d.option("--ctrepldstport", d.number(d.packet.sport), d.other_number(d.packet.sport)),
    lambda d: d.option("--ctdir", "ORIGINAL", "REPLY", negatable=False),
    lambda d: f"{d.negation()}--ctstatus {d.pick('NONE', 'CONFIRMED', 'SEEN_REPLY', 'ASSURED', 'EXPECTED')}",
    lambda d: d.option("--ctexpire", "0:4294967295", "900000000", negatable=False),
)


@match(0.6, "state")
def connmark(d: Draft) -> str:
    return f"{d.negation()}--mark {d.mark()}"


@match(2, "marks")
def mark(d: Draft) -> str:
    return f"{d.negation()}--mark {d.mark()}"


@match(0.3, "state")
def connbytes(d: Draft) -> str:
    return (
        f"{d.negation()}--connbytes {d.pick('2', '1:1', '0:2', '1')} --connbytes-mode packets"
        f" --connbytes-dir {d.pick('original', 'reply', 'both')}"
    )


@match(0.3, "luck")
def connlimit(d: Draft) -> str:
    return f"--connlimit-{d.pick('upto', 'above')} {d.pick(0, 100)} --connlimit-{d.pick('s', 'd')}addr"


@match(0.2, "state")
def connlabel(d: Draft) -> str:
    return f"{d.negation()}--label 40"


@match(0.2, "untold")
def helper(d: Draft) -> str:
    return f"{d.negation()}--helper ftp"


@match(0.1, "untold")
def cluster(_: Draft) -> str:
    return "--cluster-total-nodes 2 --cluster-local-nodemask 0x3 --cluster-hash-seed 0xfeedcafe"


# Sets


@match(2, "sets", name="set")
def in_set(d: Draft) -> str:
    return describe(d)


# What remembers, what is random, what says nothing


@match(1.5)
def comment(d: Draft) -> str:
    return "--comment " + d.pick(
        '"default/kubernetes:https cluster IP"',
        '"it is -j DROP here"',
        '"a \\"quoted\\" thing"',
        "plain",
        '"cali:abc_DEF-123"',
        '"x; -A INPUT -j ACCEPT"',
        '"# not a comment"',
        '"tab\tand   spaces"',
        '"/* block */"',
        '"ünïcode"',
        '"back\\\\slash"',
    )


@match(0.4)
def statistic(d: Draft) -> str:
    return f"--mode random {d.negation()}--probability {d.pick('1.0', '0.0')}"


@match(0.4, "untold", name="statistic")
def every_nth(d: Draft) -> str:
    every = d.pick(1, 2, 3)
    return f"--mode nth {d.negation()}--every {every} --packet {d.rng.randrange(every)}"


@match(0.02, "luck", name="statistic")
def coin(d: Draft) -> str:
    return f"--mode random {d.negation()}--probability 0.5"


@match(0.5, "untold")
def recent(d: Draft) -> str:
    name = f"--name r{d.rng.randrange(3)} --{d.pick('rsource', 'rdest')}"
    return (
        d.pick("--set", "--rcheck", "! --rcheck", "--update", "--remove", "--rcheck --seconds 60 --hitcount 1")
        + f" {name}"
    )


@match(0.5, "untold")
def limit(d: Draft) -> str:
    return d.pick("--limit 10000/sec --limit-burst 10000", "--limit 3000/sec --limit-burst 5000")


@match(0.4, "untold")
def hashlimit(d: Draft) -> str:
    side = d.pick("upto", "upto", "above")
    return (
        f"--hashlimit-{side} 9000/sec --hashlimit-burst 9000 --hashlimit-mode"
        f" {d.pick('srcip', 'srcip,dstport', 'dstip')} --hashlimit-name h{d.rng.randrange(10**6)}"
    )


@match(0.2, "untold")
def quota(d: Draft) -> str:
    return d.pick("--quota 100000000", "--quota 0", "! --quota 0")


@match(0.3, "untold")
def time(d: Draft) -> str:
    always, never = "--timestart 00:00:00 --timestop 23:59:59", "--datestop 2010-01-01T00:00:00"
    return always if d.holds else never


@match(0.2, "untold")
def cpu(d: Draft) -> str:
    return d.negation() + "--cpu " + d.pick("0", "77")
