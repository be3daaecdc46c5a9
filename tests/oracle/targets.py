"""The targets that random rules end in, each where the kernel allows it."""

from __future__ import annotations

from tests.oracle import wire
from tests.oracle.draft import LEAVING, MARKS, MASKS, Draft, Row, table_of
from tests.oracle.sets import random_set

TARGETS: list[Row] = []
target = table_of(TARGETS)
_FILTERED = ("INPUT", "FORWARD", "OUTPUT")
_NETMAPS = {4: ("10.99.0.0/16", "10.244.2.0/24", "10.244.1.6/32"), 6: ("fd00:99::/64", "fd00:10:244:2::/64")}

#: after these, a packet is seen no more by the chain
FINAL = ("ACCEPT", "DROP", "REJECT", "RETURN", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP")


# Verdicts


@target(2, "verdict")
def ACCEPT(_: Draft) -> str:
    return ""


@target(1.2, "verdict")
def RETURN(_: Draft) -> str:
    return ""


@target(1.6, "verdict", tables=("filter",))
def DROP(_: Draft) -> str:
    return ""


@target(0.25, "verdict", name="DROP", tables=("raw", "mangle", "security"))
def DROP_elsewhere(_: Draft) -> str:
    return ""


@target(1.4, "verdict", tables=("filter",), hooks=_FILTERED)
def REJECT(d: Draft) -> str:
    if d.proto == wire.TCP and d.chance(0.5):
        return "--reject-with tcp-reset"
    return "" if d.chance(0.25) else f"--reject-with {d.pick(*_REJECTIONS[d.family])}"


_REJECTIONS = {
    4: ("icmp-net-unreachable", "icmp-host-unreachable", "icmp-port-unreachable", "icmp-proto-unreachable",
        "icmp-net-prohibited", "icmp-host-prohibited", "icmp-admin-prohibited"),
    6: ("icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-port-unreachable",
        "icmp6-policy-fail", "icmp6-reject-route"),
}  # fmt: skip


# Marks


@target(1.5, "marks")
def MARK(d: Draft) -> str:
    return d.pick(
        _set_mark(d),
        _set_mark(d),
        f"--or-mark {d.pick(*MARKS):#x}",
        f"--and-mark {d.pick(*MASKS):#x}",
        f"--xor-mark {d.pick(*MARKS):#x}",
    )


@target(1, "state")
def CONNMARK(d: Draft) -> str:
    nfmask, ctmask = d.pick(*MASKS), d.pick(*MASKS)
    masks = d.pick("", f" --nfmask {nfmask:#x} --ctmask {ctmask:#x}", f" --mask {nfmask:#x}")
    return d.pick(
        _set_mark(d),
        f"--save-mark{masks}",
        f"--restore-mark{masks}",
        f"{_set_mark(d)} --left-shift-mark 2",
        f"--save-mark{masks} --right-shift-mark 1",
    )


def _set_mark(d: Draft) -> str:
    mask = f"/{d.pick(*MASKS):#x}" if d.chance(0.6) else ""
    return f"--{d.pick('set-mark', 'set-xmark')} {d.pick(*MARKS):#x}{mask}"


# Things that are noted


@target(0.5, "note")
def LOG(d: Draft) -> str:
    return d.pick(
        "", '--log-prefix "drop: " --log-level 6', '--log-prefix "calico-packet: " --log-uid', "--log-prefix x"
    )


@target(0.3, "note")
def NFLOG(_: Draft) -> str:
    return '--nflog-group 30 --nflog-prefix "a b"'


@target(0.25, "note")
def SET(d: Draft) -> str:
    named = random_set(d)
    directions = ",".join(d.pick("src", "dst") for _ in named.dimensions)
    if "skbinfo" in named.create and d.table == "mangle":
        return f"--map-set {named.name} {directions} --map-mark"
    return d.pick(
        f"--add-set {named.name} {directions}",
        f"--add-set {named.name} {directions} --exist",
        f"--del-set {named.name} {directions}",
    )


@target(0.1, "note")
def AUDIT(d: Draft) -> str:
    return f"--type {d.pick('accept', 'drop', 'reject')}"


@target(0.1, "note", tables=("mangle", "security"))
def CONNSECMARK(d: Draft) -> str:
    return d.pick("--save", "--restore")


@target(0.1, "note")
def IDLETIMER(d: Draft) -> str:
    return f"--timeout 600 --label idle{d.rng.randrange(10**6)}"


@target(0.1, "note")
def RATEEST(d: Draft) -> str:
    return f"--rateest-name e{d.rng.randrange(10**6)} --rateest-interval 250ms --rateest-ewmalog 500ms"


# Header fields


@target(0.8, "headers", tables=("mangle",))
def TOS(d: Draft) -> str:
    value = d.pick(0x10, 0x08, 0xB8, 0x00, 0x02)
    return d.pick(
        f"--set-tos {value:#x}/{d.pick(0xFF, 0x3F, 0xFC):#x}",
        f"--or-tos {value:#x}",
        "--and-tos 0xfc",
        f"--xor-tos {value:#x}",
    )


@target(0.8, "headers", tables=("mangle",))
def DSCP(d: Draft) -> str:
    return d.pick(f"--set-dscp {d.pick(0, 10, 46, 63):#x}", "--set-dscp-class EF", "--set-dscp-class CS1")


@target(0.7, "headers", tables=("mangle",), families=(4,))
def TTL(d: Draft) -> str:
    return _hops(d, "ttl")


@target(0.7, "headers", tables=("mangle",), families=(6,))
def HL(d: Draft) -> str:
    return _hops(d, "hl")


def _hops(d: Draft, name: str) -> str:
    return f"--{name}-{d.pick('set', 'inc', 'dec')} {d.pick(1, 2, 5, 63, 64, 200, 255)}"


@target(0.4, "headers", tables=("mangle",), families=(4,), protos=(wire.TCP,))
def ECN(_: Draft) -> str:
    return "--ecn-tcp-remove"


@target(0.8, "headers", tables=("mangle",), hooks=LEAVING, protos=(wire.TCP,))
def TCPMSS(d: Draft) -> str:
    return d.pick("--set-mss 1360", "--set-mss 536", "--clamp-mss-to-pmtu")


@target(0.3, "headers", tables=("mangle",), protos=(wire.TCP,))
def TCPOPTSTRIP(_: Draft) -> str:
    return "--strip-options 2,8"


@target(0.2, "headers", tables=("mangle",))
def CHECKSUM(_: Draft) -> str:
    return "--checksum-fill"


@target(0.4, "headers", tables=("mangle",), hooks=LEAVING)
def CLASSIFY(d: Draft) -> str:
    return f"--set-class {d.pick('1:10', '0:5', 'ffff:1')}"


# Connection tracking


@target(1, "state", tables=("raw",))
def CT(d: Draft) -> str:
    return d.pick("--notrack", "--notrack", "--zone 7", "--zone 1", "--ctevents new,destroy")


@target(0.4, "state", tables=("raw",))
def NOTRACK(_: Draft) -> str:
    return ""


# Network address translation


@target(3, "nat", tables=("nat",), hooks=("PREROUTING", "OUTPUT"))
def DNAT(d: Draft) -> str:
    address, port = d.pick(*_destinations(d)), _port(d)
    if port and d.chance(0.15):
        return f"--to-destination :{port}"
    shift = d.proto in (wire.TCP, wire.UDP) and d.chance(0.1)
    return f"--to-destination {_at(address, f'{port}-{port + 9}' if shift and port else port if d.chance(0.7) else 0)}"


@target(1.2, "nat", tables=("nat",), hooks=("PREROUTING", "OUTPUT"))
def REDIRECT(d: Draft) -> str:
    port = _port(d)
    return f"--to-ports {port}" if port and d.chance(0.7) else ""


@target(2.5, "nat", tables=("nat",), hooks=("POSTROUTING",))
def MASQUERADE(d: Draft) -> str:
    return "--to-ports 5555" if _port(d) and d.chance(0.15) else ""


@target(1.8, "nat", tables=("nat",), hooks=("POSTROUTING", "INPUT"))
def SNAT(d: Draft) -> str:
    address = d.pick(*d.site.local(d.family), *_destinations(d)[:1])
    return f"--to-source {_at(address, _port(d) if d.chance(0.15) else 0)}"


@target(1, "untold", name="SNAT", tables=("nat",), hooks=("POSTROUTING", "INPUT"))
def SNAT_to_ranges(d: Draft) -> str:
    first, last = {4: ("10.99.0.1", "10.99.0.9"), 6: ("fd00:99::1", "fd00:99::9")}[d.family]
    ports = "1024-1027" if _port(d) and d.chance(0.5) else ""
    addresses = first if ports and d.chance(0.5) else f"{first}-{last}"
    return f"--to-source {_at(addresses, ports)}" + d.pick("", " --persistent", " --random", " --random-fully")


@target(1, "untold", name="MASQUERADE", tables=("nat",), hooks=("POSTROUTING",))
def MASQUERADE_at_random(d: Draft) -> str:
    ports = "--to-ports 2000-2003 " if _port(d) and d.chance(0.3) else ""
    return ports + d.pick("--random", "--random-fully")


@target(0.5, "untold", name="DNAT", tables=("nat",), hooks=("PREROUTING", "OUTPUT"))
def DNAT_to_ranges(d: Draft) -> str:
    first, last = {4: ("10.244.1.5", "10.244.1.7"), 6: ("fd00:10:244:1::5", "fd00:10:244:1::7")}[d.family]
    return f"--to-destination {first}-{last}" + d.pick("", " --persistent", " --random")


@target(0.3, "untold", tables=("mangle",))
def HMARK(d: Draft) -> str:
    return f"--hmark-tuple {d.pick('src,dst', 'sport,dport', 'ct')} --hmark-mod 4 --hmark-offset 1 --hmark-rnd 0x7"


@target(0.6, "nat", tables=("nat",), hooks=("PREROUTING", "OUTPUT"))
def NETMAP(d: Draft) -> str:
    return f"--to {d.pick(*_NETMAPS[d.family])}"


@target(0.4, "nat", name="NETMAP", tables=("nat",), hooks=("POSTROUTING", "INPUT"))
def NETMAP_of_source(d: Draft) -> str:
    return f"--to {d.pick(*_NETMAPS[d.family])}"


@target(0.2, "nat", tables=("mangle",), hooks=("PREROUTING", "OUTPUT"), families=(6,))
def DNPT(_: Draft) -> str:
    return "--src-pfx fd00:10:244:2::/64 --dst-pfx fd00:10:244:1::/64"


@target(0.2, "nat", tables=("mangle",), hooks=("POSTROUTING", "INPUT"), families=(6,))
def SNPT(_: Draft) -> str:
    return "--src-pfx fd00:10:244:1::/64 --dst-pfx 2001:db8:77::/64"


def _destinations(d: Draft) -> list[str]:
    link = d.pick(*d.site.links)
    return [
        d.pick(*d.site.hosts(link, d.family)),
        d.pick(*d.site.hosts(link, d.family)),
        d.pick(*d.site.local(d.family)),
    ]


def _port(d: Draft) -> int:
    """A port to translate to, 0 where the protocol has none."""
    return d.pick(80, 8080, 6443, 53, 1) if d.proto in (wire.TCP, wire.UDP, wire.SCTP) else 0


def _at(address: str, port: int | str) -> str:
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
