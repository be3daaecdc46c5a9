"""A firewall in a network namespace of the real kernel: load rules, send a packet, see what became of it.

What leaves is seen by a packet socket behind POSTROUTING, with its mark. What is delivered locally is logged
to us and dropped by a rule behind everything else in INPUT, so that no socket answers. Packets that the firewall
makes up itself (errors, resets, neighbour discovery) are logged and dropped in front of OUTPUT, so that
the hits that are counted are those of the packet that was sent.

All of it happens on one CPU before the system call that sends returns; a sentinel frame makes sure.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tests.oracle import netlink, plumbing
from tests.oracle.counters import LegacyReader, NftReader, Reader, difference
from tests.oracle.dropreasons import DropReasons
from tests.oracle.dump import CHAINS_OF, Dump, Key
from tests.oracle.namespaces import CommandFailed, Namespace
from tests.oracle.netlink import Netlink
from tests.oracle.taps import ETHER_TYPE, EgressTap, Injector, LocalSender, LogTap, Sentinel, Sight, raw_socket
from tests.oracle.topology import Site
from tests.oracle.wire import LOCAL, Packet, mac_of_group

FLAVOURS = ("legacy", "nft")
_DELIVERED, _OWN = 7, 8
_PROBE = f"""
table inet rp_probe {{
  chain own {{
    type filter hook output priority -1000
    meta skuid >= 0 accept
    log group {_OWN} snaplen 128 queue-threshold 1
    drop
  }}
  chain delivered {{
    type filter hook input priority 2147483647
    log group {_DELIVERED} snaplen 65535 queue-threshold 1
    drop
  }}
}}
"""
_DELETE_TABLE, _DELETE_CONNECTION = 2, 2


class _Closable(Protocol):
    def close(self) -> None: ...


_T = TypeVar("_T", bound=_Closable)


@dataclass(slots=True)
class Fate:
    """What the kernel did with one packet: where it was seen, which rules it hit, what was made because of it."""

    packet: Packet
    sights: list[Sight]
    made: list[Sight]
    hits: Counter[Key]
    errno: int = 0
    reason: str = ""

    @property
    def end(self) -> Sight | None:
        """Where it came out; a pass over lo is only half the way."""
        return self.sights[-1] if self.sights and self.sights[-1].at != "lo" else None

    @property
    def came_out_again(self) -> bool:
        return len([sight for sight in self.sights if sight.at != "lo"]) > 1

    @property
    def verdict(self) -> str:
        if self.end is None:
            return "drop"
        if self.end.at == LOCAL:
            return "local"
        return "sent" if self.packet.local else "forward"


@dataclass(slots=True)
class Loaded:
    """A ruleset in the kernel, as the tools print it."""

    family: int
    text: str
    sets: str
    dump: Dump
    reader: Reader = field(repr=False)

    @property
    def gambles(self) -> bool:
        """Whether chance decides something."""
        return "--probability 0.5" in self.text


@contextmanager
def stay_on_one_cpu() -> Iterator[None]:
    """Only then is a packet done with when the call that sent it returns."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Firewall:
    """One namespace with the links of a site and the rules of one flavour of iptables."""

    def __init__(self, site: Site, flavour: str) -> None:
        self.site, self.flavour = site, flavour
        self._has_sets = False
        with ExitStack() as closing:
            self._closing = closing
            self._build()
            self._closing = closing.pop_all()

    def __enter__(self) -> Firewall:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _build(self) -> None:
        far = self._namespace()
        self._inside = inside = self._namespace()
        self._closing.callback(plumbing.remove, self.site, inside)
        self._lock = Path(f"/run/{inside.name}.lock")
        self._closing.callback(self._lock.unlink, missing_ok=True)
        plumbing.build(self.site, inside, far)
        inside.run("nft", "-f", "-", text=_PROBE)
        with inside.entered():
            self._egress = self._own(EgressTap())
            self._log = self._own(LogTap(_DELIVERED, _OWN))
            self._netlink = self._own(Netlink())
            self._sentinel = self._own(Sentinel())
            self._raw = {family: self._own(raw_socket(family)) for family in (4, 6)}
        self._sender = self._own(LocalSender(inside))
        self._reasons = self._own(DropReasons(inside.name))
        with far.entered():
            self._injectors = {
                link.name: self._own(Injector(plumbing.far_name(number))) for number, link in enumerate(self.site.links)
            }
        self.surroundings = plumbing.describe(self.site, inside, far)

    def _namespace(self) -> Namespace:
        namespace = Namespace()
        self._closing.callback(namespace.remove)
        return namespace

    def _own(self, thing: _T) -> _T:
        self._closing.callback(thing.close)
        return thing

    # Rules

    def load(self, family: int, rules: str, sets: str = "") -> Loaded:
        """Replaces all rules and sets; raises CommandFailed when the tools or the kernel refuse them."""
        self.wipe()
        if sets:
            self._has_sets = True
            self._inside.run("ipset", "restore", "-exist", text=sets)
        self._tool(family, "-restore", text=rules)
        text = self._tool(family, "-save")
        dump = Dump.read(text)
        saved_sets = self._inside.run("ipset", "save") if sets else ""
        loaded = Loaded(family, text, saved_sets, dump, self._reader(family, dump.tables))
        if odd := set(loaded.reader.keys) ^ dump.keys():
            raise RuntimeError(f"the kernel's rules and the dump differ: {sorted(odd)[:5]}")
        return loaded

    def wipe(self) -> None:
        """No rules, no sets, no connections. Legacy tables once used stay, empty, as they do in any kernel."""
        for family in (4, 6):
            if self.flavour == "nft":
                flags = netlink.REQUEST | netlink.ACK
                all_tables = netlink.message(netlink.NFTABLES, _DELETE_TABLE, flags, netlink.FAMILY[family])
                self._netlink.request(netlink.batch(all_tables))
            elif tables := self._legacy_tables(family):
                self._tool(family, "-restore", text="".join(map(_empty_table, tables)))
        self._destroy_sets()
        self.forget_connections()

    def _legacy_tables(self, family: int) -> list[str]:
        with self._inside.entered():
            names = Path(f"/proc/thread-self/net/ip{_six(family)}_tables_names")
            return names.read_text().split() if names.exists() else []

    def _destroy_sets(self) -> None:
        """nf_tables lets go of sets only a moment after the rules that used them."""
        deadline = time.monotonic() + 2
        while self._has_sets:
            try:
                self._inside.run("ipset", "restore", text="flush\ndestroy\n")
                self._has_sets = False
            except CommandFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.004)

    def printed_counts(self, family: int) -> Counter[Key]:
        """What `iptables-save -c` says, to check the fast reader by."""
        return Dump.read(self._tool(family, "-save", "-c")).counts

    def forget_connections(self) -> None:
        self._netlink.request(netlink.message(netlink.CTNETLINK, _DELETE_CONNECTION, netlink.REQUEST | netlink.ACK))

    def forget(self, loaded: Loaded, fate: Fate) -> None:
        """What the packet left behind: its connection, entries of sets and recent lists.

        The count of `statistic --mode nth` stays: no saved text tells where it stands.
        """
        self.forget_connections()
        if "-m recent" in loaded.text:
            with self._inside.entered():
                for addresses in Path("/proc/thread-self/net/xt_recent").glob("*"):
                    addresses.write_text("/")
        if any("-j SET --" in loaded.dump.rule(key) for key in fate.hits if key[2]):
            self._inside.run("ipset", "restore", "-exist", text="flush\n" + loaded.sets)

    def _tool(self, family: int, suffix: str, *options: str, text: str | None = None) -> str:
        name = f"ip{_six(family)}tables-{self.flavour}{suffix}"
        return self._inside.run(name, *options, text=text, env={"XTABLES_LOCKFILE": str(self._lock), "LC_ALL": "C"})

    def _reader(self, family: int, tables: list[str]) -> Reader:
        if self.flavour == "legacy":
            return LegacyReader(self._raw[family], family, tables)
        return NftReader(self._netlink, family, tables)

    def supports_set(self, kind: str) -> bool:
        """Not every kernel has all types of sets."""
        needs = "range 10.0.0.0/24" if kind.startswith("bitmap:ip") else "range 1-9" if kind == "bitmap:port" else ""
        try:
            self._inside.run("ipset", "restore", text=f"create rp_probe {kind} {needs}\ndestroy rp_probe\n")
        except CommandFailed:
            return False
        return True

    # Packets

    def send(self, packet: Packet, loaded: Loaded) -> Fate:
        """Sends one packet and waits for its end."""
        before = loaded.reader.read()
        self._reasons.drain()
        error = self._dispatch(packet)
        link = self.site.links[0]
        self._sentinel.wait(self._injectors[link.name], link.mac, link.far_mac)
        reason = self._reasons.drain()
        hits = difference(loaded.reader.keys, before, loaded.reader.read())
        logged = self._log.drain()
        sights = self._egress.drain() + logged.get(_DELIVERED, [])
        return Fate(packet, sights, logged.get(_OWN, []), hits, error, reason)

    def _dispatch(self, packet: Packet) -> int:
        raw = packet.encode()
        if packet.local:
            return self._sender.send(raw, packet.src, packet.dst, packet.uid)
        src_mac, dst_mac = self.macs(packet)
        self._injectors[packet.enters].send(dst_mac, src_mac, ETHER_TYPE[packet.family], raw)
        return 0

    def macs(self, packet: Packet) -> tuple[str, str]:
        """Source and destination of the frame that carries a packet from outside."""
        link = self.site.link(packet.enters)
        return packet.src_mac or link.far_mac, packet.dst_mac or mac_of_group(packet.dst) or link.mac


def _six(family: int) -> str:
    return "6" if family == 6 else ""


def _empty_table(table: str) -> str:
    return f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in CHAINS_OF[table]) + "COMMIT\n"
