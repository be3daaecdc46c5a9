"""Reads what `sysctl -a` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ruleparse.routing.model import Lines
from ruleparse.routing.shapes import line_kinds, lines
from ruleparse.text import Diagnostic, Source

_KINDS = ("COMMENT_LINE", "ERROR_LINE", "SETTING_LINE")
_SETTING = re.compile(r"\s*([^\s=]+)\s*=[ \t]*(.*?)\s*\Z", re.S)

_NUMBERED = re.compile(
    r"\.(ip_forward|forwarding|rp_filter|route_localnet|accept_local|src_valid_mark|ignore_routes_with_linkdown|"
    r"use_tempaddr|use_oif_addrs_only|nf_conntrack_checksum|nf_conntrack_tcp_loose|bridge-nf-call-ip6?tables)\Z"
)
"""Settings that decide about packets"""


@dataclass(slots=True)
class Settings(Mapping[str, str]):
    """Kernel settings by name; `/` stands for a dot of an interface's own name: `net.ipv4.conf.eth0/100.rp_filter`."""

    by_name: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def number(self, name: str) -> int | None:
        """A setting that is a number, None if it was not saved."""
        text = self.by_name.get(name, "")
        return int(text) if text.removeprefix("-").isdecimal() else None

    def of_interface(self, family: int, interface: str, name: str) -> int | None:
        """`net.ipvN.conf.INTERFACE.NAME`"""
        return self.number(f"net.ipv{family}.conf.{interface.replace('.', '/')}.{name}")


def read(source: Source) -> Settings:
    """Everything a `sysctl` text holds. Never raises: what is wrong is a diagnostic."""
    result = Settings()
    about = Lines(source, result.diagnostics)
    for found in lines(source.text, line_kinds(("sysctl", _KINDS))):
        match found.lastgroup:
            case "SETTING_LINE":
                setting = _SETTING.match(found[0])
                assert setting is not None
                name, value = _dotted(setting[1]), setting[2]
                if _NUMBERED.search(name) and not value.removeprefix("-").isdecimal():
                    about.warning("not-a-number", f"{name} is a number: it is taken as not saved", *found.span())
                    continue
                result.by_name[name] = value
            case "BAD_LINE" if found[0].strip():
                about.error("this line is not one of `sysctl`: NAME = VALUE", *found.span())
    return result


def _dotted(name: str) -> str:
    """Files of /etc/sysctl.d may write the whole name with slashes; then a dot is a dot of the interface's."""
    first = re.search(r"[./]", name)
    return name.translate(str.maketrans("./", "/.")) if first and first[0] == "/" else name
