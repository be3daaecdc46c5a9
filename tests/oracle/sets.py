"""ipsets of all types, filled so that the packet at hand is in them (or is not)."""

from __future__ import annotations

import ipaddress

from tests.oracle import wire
from tests.oracle.draft import MARKS, Draft, NamedSet

#: types and how often they are used
KINDS = {
    "hash:ip": 4, "hash:net": 4, "hash:ip,port": 3, "hash:net,port": 3, "hash:ip,port,ip": 2, "hash:ip,port,net": 2,
    "hash:net,net": 1, "hash:net,port,net": 1, "hash:net,iface": 2, "hash:ip,mark": 1, "hash:mac": 1, "hash:ip,mac": 1,
    "bitmap:port": 2, "bitmap:ip": 1, "bitmap:ip,mac": 0.5, "list:set": 2,
}  # fmt: skip
_PROTOCOLS = {
    wire.TCP: "tcp",
    wire.UDP: "udp",
    wire.SCTP: "sctp",
    wire.UDPLITE: "udplite",
    wire.ICMP: "icmp",
    wire.ICMP6: "icmpv6",
}
_STEMS = ("KUBE-", "cali40s:", "ns-", "blk_", "X.")
_LONGEST, _MOST_ENTRIES = 31, 12
_BITMAP = ipaddress.ip_network("10.244.1.0/24")


def describe(d: Draft) -> str:
    """Options of `-m set`, and an entry in the set to make them true or false."""
    named = _choose(d)
    directions = [d.pick("src", "dst") for _ in named.dimensions]
    if named.kind == "list:set":
        directions = [d.pick("src", "dst"), d.pick("src", "dst")][: d.pick(1, 2, 2)]
    elif named.kind == "hash:net,iface" and d.chance(0.7):
        directions = ["src", "src"] if not d.hooks & {"OUTPUT", "POSTROUTING"} else ["dst", "dst"]
    negated = d.chance(0.25)
    if d.holds != negated:
        add_packet(d, named, directions)
    if d.chance(0.05):
        directions = directions[:-1] or [*directions, "src"]
    extra = d.pick("--return-nomatch", "! --update-counters") if d.chance(0.08) else ""
    return f"{'! ' if negated else ''}--match-set {named.name} {','.join(directions)} {extra}".rstrip()


def add_packet(d: Draft, named: NamedSet, directions: list[str]) -> None:
    """Puts the packet at hand into a set, if there is room and it fits."""
    if named.kind == "list:set":
        for member in named.entries:
            inner = d.sets[member]
            if len(inner.dimensions) <= len(directions):
                add_packet(d, inner, directions)
        return
    parts = [_PARTS[what](d, side) for what, side in zip(named.dimensions, directions, strict=False)]
    if len(parts) < len(named.dimensions) or None in parts or len(named.entries) >= _MOST_ENTRIES:
        return
    entry = ",".join(str(part) for part in parts)
    if named.kind == "bitmap:port":
        entry = entry.split(":")[-1]
    if _acceptable(named, entry):
        nomatch = " nomatch" if named.kind.startswith("hash:net") and d.chance(0.12) else ""
        named.entries.append(entry + nomatch)


def random_set(d: Draft) -> NamedSet:
    """A set that a SET target can add to."""
    known = [named for named in d.sets.values() if named.kind in ("hash:ip", "hash:ip,port", "hash:net")]
    return d.pick(*known) if known and d.chance(0.7) else _create(d, "hash:ip")


def _choose(d: Draft) -> NamedSet:
    kinds = [kind for kind in d.set_kinds if d.family == 4 or not kind.startswith("bitmap:ip")]
    (kind,) = d.rng.choices(kinds, [KINDS[kind] for kind in kinds])
    known = [named for named in d.sets.values() if named.kind == kind]
    return d.pick(*known) if known and d.chance(0.6) else _create(d, kind)


def _create(d: Draft, kind: str) -> NamedSet:
    if kind == "list:set":
        members = [
            _create(d, d.pick("hash:ip", "hash:net", "hash:net,port", "hash:ip,port")).name for _ in range(d.pick(1, 2))
        ]
    name = f"{d.pick(*_STEMS)}{kind.replace(':', '').replace(',', '')}{len(d.sets)}"[:_LONGEST]
    d.sets[name] = named = NamedSet(name, kind, f"{kind} {_options(d, kind)}".rstrip())
    if kind == "list:set":
        named.entries = members
    return named


def _options(d: Draft, kind: str) -> str:
    if kind == "bitmap:port":
        return "range " + d.pick("0-65535", "1-1024", "30000-32767")
    if kind.startswith("bitmap:ip"):
        return f"range {_BITMAP}"
    if kind == "list:set":
        return "size 8"
    family = "" if kind == "hash:mac" else f"family inet{'6' * (d.family == 6)}"
    prefix = {4: 24, 6: 64}[d.family]
    netmask = f" netmask {prefix}" if kind == "hash:ip" and d.chance(0.2) else ""
    return (
        family
        + netmask
        + d.pick("", "", "", " counters", " comment", " timeout 0", " maxelem 1000", " skbinfo", " forceadd")
    )


def _acceptable(named: NamedSet, entry: str) -> bool:
    bare = [known.removesuffix(" nomatch") for known in named.entries]
    all_zero_when_masked = any(part.startswith(("0.0.0.0", "::")) for part in entry.split(","))
    if entry in bare or all_zero_when_masked:
        return False
    if named.kind == "bitmap:port":
        low, high = named.create.split()[-1].split("-")
        return entry.isdigit() and int(low) <= int(entry) <= int(high)
    if named.kind.startswith("bitmap:ip"):
        return ipaddress.ip_address(entry.split(",")[0]) in _BITMAP
    return True


def _address(d: Draft, side: str) -> str:
    return d.packet.src if side == "src" else d.packet.dst


def _network(d: Draft, side: str) -> str:
    prefix = d.pick(*((16, 24, 30, 32) if d.family == 4 else (48, 64, 126, 128)))
    return str(ipaddress.ip_network(f"{_address(d, side)}/{prefix}", strict=False))


def _port(d: Draft, side: str) -> str | None:
    name = _PROTOCOLS.get(d.packet.proto)
    if name in ("icmp", "icmpv6"):
        return f"{name}:{d.packet.icmp[0]}/{d.packet.icmp[1]}"
    return name and f"{name}:{d.packet.sport if side == 'src' else d.packet.dport}"


def _interface(d: Draft, side: str) -> str:
    return d.ingress if side == "src" else d.egress


def _mac(d: Draft, side: str) -> str | None:
    if d.packet.local:
        return None
    link = d.site.link(d.packet.enters)
    return (d.packet.src_mac or link.far_mac) if side == "src" else link.mac


def _mark(d: Draft, _: str) -> str:
    return f"{d.pick(0, *MARKS):#x}"


_PARTS = {"ip": _address, "net": _network, "port": _port, "iface": _interface, "mac": _mac, "mark": _mark}
