"""What a text is, found from its content; the name of its file is only a hint."""

from __future__ import annotations

import re

IPTABLES = "iptables-save"
KUBERNETES = "kubernetes"
UNKNOWN = "unknown"

LEFT_OUT = {
    "ovs-datapath": "these are flows of the datapath, which are what packets met of late: save `ovs-ofctl dump-flows`",
    "conntrack": "connections that are there already are not read: say --ctstate of a packet that belongs to one",
}
"""What is known, and not read; and why."""

_LINES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "ipvsadm",
        re.compile(r"(IP Virtual Server version|-A (-[tuf]|--(tcp|udp|sctp|fwmark)-service) \S+ +(-6 +)?-s )"),
    ),
    (
        IPTABLES,
        re.compile(
            r"(?m)(\*(filter|nat|mangle|raw|security)\s*$|:[^\s]+ (ACCEPT|DROP|-) \[\d+:\d+\]|-[AP] \S+ |-A \S+$)"
        ),
    ),
    ("ovs-vsctl", re.compile(r'\{\s*"(data|headings)"\s*:\s*\[')),
    (KUBERNETES, re.compile(r'\{\s*"(apiVersion|kind|items|metadata)"\s*:')),
    ("ipset-save", re.compile(r"create \S+ (hash:|bitmap:|list:set)")),
    ("ipset-list", re.compile(r"Name: \S+\r?\nType: (hash:|bitmap:|list:set)")),
    ("ip-rule", re.compile(r"\d+:\s+(not )?from \S+ ")),
    ("ip-addr", re.compile(r"(\d+: \S+.*<[A-Z0-9_,-]*>(.*\n)+?\s+inet6? |\d+: \S+\s+inet6? )")),
    ("ip-link", re.compile(r"\d+: \S+: <[A-Z0-9_,-]*>")),
    ("bridge-fdb", re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2} dev \S+ ")),
    (
        "ip-neigh",
        re.compile(
            r"[0-9a-f]*[.:][0-9a-f.:]* dev \S+ .*"
            r"\b(PERMANENT|REACHABLE|STALE|DELAY|PROBE|NOARP|FAILED|INCOMPLETE|NONE)[ \t\r]*(\n|\Z)"
        ),
    ),
    ("ovs-group-stats", re.compile(r"(NXST|OFPST)_GROUP reply|[ \t]*group_id=\d+,(duration|ref_count|packet_count)=")),
    ("ovs-groups", re.compile(r"[ \t]*group_id=\d+,|(NXST|OFPST)_GROUP_DESC")),
    ("ovs-meters", re.compile(r"OFPST_METER(_CONFIG)? reply|meter=\d+ [a-z ]*bands=|meter:\d+ flow_count:")),
    ("ovs-fdb", re.compile(r" *port +VLAN +MAC +Age")),
    ("ovs-tables", re.compile(r'OFPST_TABLE(_FEATURES)? reply|  table \d+( \("[^\n]*"\))?:')),
    (
        "ovs-vsctl",
        re.compile(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*\n    \w| {4}Bridge \S"
            r"|(_uuid|name|ofport|external_ids|tag|vlan_mode) *: (\S|\[|\{)"
        ),
    ),
    ("ovs-ports", re.compile(r"OFPST_PORT_DESC|OFPT_FEATURES_REPLY|[ \t]+(\d+|LOCAL)\([^\n]+\): *addr:")),
    ("ovs-datapath", re.compile(r"(flow-dump from|(ufid:[0-9a-f-]+, *)?(skb_priority|tunnel|recirc_id|in_port)\()")),
    (
        "conntrack",
        re.compile(
            r"(tcp|udp|sctp|dccp|udplite|icmp|icmpv6|gre|\d+),orig=\(src="
            r"|(ipv[46] +\d+ +)?(tcp|udp|sctp|dccp|udplite|icmp|icmpv6|gre|unknown) +\d+ +(\d+ +)?([A-Z_]+ +)?src="
        ),
    ),
    (
        "ovs-flows",
        re.compile(
            r"[ \t]*(cookie=0x|(NXST|OFPST)_FLOW reply|(\w[^\n]*[ ,])?actions=|[^|\n]*\|\d+\|vconn\|WARN\||ovs-ofctl: )"
        ),
    ),
    (
        "ip-route",
        re.compile(
            r"((default|unreachable|blackhole|prohibit|throw|local|broadcast|anycast|multicast|unicast|"
            r"[0-9a-f]*[.:][0-9a-f.:/]*) (.* )?(dev|via|metric|scope|proto|table|nexthop)\b|"
            r"(unreachable|blackhole|prohibit|throw) [0-9a-f.:/]+)"
        ),
    ),
    ("sysctl", re.compile(r"(net|kernel|vm|fs)\.[\w./-]+ ?= ?")),
)

_HEAD = 200_000


def kind_of(text: str) -> str:
    """`iptables-save`, `ip-route` …, or `unknown`: the kind whose lines come first."""
    head, at = text[:_HEAD], 0
    while at < len(head):
        for kind, pattern in _LINES:
            if pattern.match(head, at):
                return kind
        at = head.find("\n", at) + 1 or len(head)
    return UNKNOWN


def family_hint(name: str) -> int | None:
    """6 if a file's name says so."""
    last = name.rsplit("/", 1)[-1].lower()
    return 6 if re.search(r"(^|[^a-z0-9])(ip-?6|ipv6|v6)", last) else None
