"""The packet that `ofproto/trace` takes, and what it refuses (lib/ofp-flow.c, parse_ofp_exact_flow).

Every field that is not given is 0, but for the port, which is none. A field that a packet has only with others comes
behind these; none is set twice.
"""

from __future__ import annotations

import re

from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import CT_STATES, PORTS, full
from ruleparse.openflow.formats import number as read_number
from ruleparse.openflow.keys import KEYWORDS, NEEDS, PORT_KEYS, FlowKey, matched
from ruleparse.openflow.ports import Ports

_WORDS = re.compile(r'([^\s,=]+)(?:=("[^"]*"|\([^)]*\)|[^\s,]*))?')
_TAGGED = 0x1000
_TAGS = {"dl_vlan", "dl_vlan_pcp", "vlan_pcp"}
_UNTAGGED = 0xFFFF
"""what `dl_vlan` is of a packet without a tag"""
_BY_ITSELF = {"vlan_vid"}
"""Fields that make what a flow would need for them."""

Values = dict[str, int]


def read_trace_flow(text: str, ports: Ports) -> Values:
    """The fields of `in_port=1,tcp,nw_src=10.0.0.1,…`. Raises ValueError with a plain sentence."""
    values: Values = {}
    words = _WORDS.findall(text.strip())
    if not words:
        raise ValueError("it is empty")
    for name, given in words:
        if name in KEYWORDS and not given:
            _name_protocol(values, name)
        else:
            _set(values, name, given, ports)
    if not values.get(flow("in_port")):
        values[flow("in_port")] = PORTS["NONE"]
    values.setdefault(flow("actset_output"), PORTS["UNSET"])
    return values


def _name_protocol(values: Values, name: str) -> None:
    for field, number in KEYWORDS[name].values.items():
        if values.get(flow(field)):
            what = "protocol" if field == "nw_proto" else "Ethernet type"
            raise ValueError(f"{name}: the {what} is given already")
        values[flow(field)] = number


def _set(values: Values, name: str, text: str, ports: Ports) -> None:
    key = matched(name)
    if key is None:
        raise ValueError(f"{name} is not a field that is known")
    if key.name not in _BY_ITSELF and not _has(values, key):
        raise ValueError(f"{name}: the packet has no such field, by what stands before it{_rather(values, name)}")
    if _get(values, key):
        raise ValueError(f"{name} is given twice")
    value = _number(key, name, text, ports)
    if key.name == "dl_vlan" and value == _UNTAGGED:
        return
    _put(values, key, value)
    if key.name in _TAGS:
        values[flow("vlan_tci")] |= _TAGGED


def _rather(values: Values, name: str) -> str:
    """The name of a field that the packet has and that may be meant."""
    end = name.rpartition("_")[2]
    for other in (f"udp_{end}", f"sctp_{end}", f"icmpv6_{end}", f"arp_{'spa' if end == 'src' else 'tpa'}"):
        key = matched(other)
        if name in _MISTAKEN and key is not None and key.name == other and _has(values, key) and key.needs:
            return f"; is {other} meant?"
    return ""


_MISTAKEN = {"tp_src", "tp_dst", "icmp_type", "icmp_code", "nw_src", "nw_dst"}


def _has(values: Values, key: FlowKey) -> bool:
    return any(all(values.get(t.field, 0) & t.mask == t.value for t in case) for case in NEEDS[key.needs])


def _number(key: FlowKey, name: str, text: str, ports: Ports) -> int:
    if not text:
        raise ValueError(f"{name} takes a value: {name}=…")
    if key.name in PORT_KEYS:
        return _port(text, ports)
    if key.name == "dl_vlan":
        return read_number(text) if read_number(text) == _UNTAGGED else read_number(text) & full(key.width)
    value, mask = key.parse_set(text) if key.name in _BY_ITSELF else key.parse(text)
    if mask & full(key.width) != full(key.width) and (key.name, mask) not in _WHOLE:
        raise ValueError(f"{name}={text}: a packet has no masks")
    return value


_WHOLE = {("ip_frag", 3)}
"""Masks that leave out nothing of a field that is narrower than it is wide."""


def _port(text: str, ports: Ports) -> int:
    number = ports.number(text.upper() if text.upper() in PORTS else text)
    if ports.known and ports.is_invented(number):
        raise ValueError(f"there is no port {text} among those that were saved")
    return number


def _get(values: Values, key: FlowKey) -> int:
    """What the bits of a field are so far, not in their order."""
    return sum(values.get(flow(p.field), 0) >> p.offset & full(p.width) for p in key.parts)


def _put(values: Values, key: FlowKey, value: int) -> None:
    at = 0
    for part in key.parts:
        bits = full(part.width)
        name = flow(part.field)
        values[name] = values.get(name, 0) & ~(bits << part.offset) | (value >> at & bits) << part.offset
        at += part.width


def read_ct_state(text: str) -> int:
    """`trk,new`: what --ct-next says. Raises ValueError."""
    words = [word for word in re.split(r"[,|\s]+", text.strip()) if word]
    for word in words:
        if word not in CT_STATES:
            raise ValueError(f"{word} is not one of {', '.join(CT_STATES)}")
    given = set(words)
    if given and "trk" not in given:
        raise ValueError(f"{text}: only what is tracked (trk) has a state")
    if {"new"} < given and given & {"est", "rpl"}:
        raise ValueError(f"{text}: what is new is neither established (est) nor a reply (rpl)")
    if "inv" in given and given != {"inv", "trk"}:
        raise ValueError(f"{text}: what is invalid (inv) is nothing else but tracked (trk)")
    return sum(1 << CT_STATES.index(word) for word in given)
