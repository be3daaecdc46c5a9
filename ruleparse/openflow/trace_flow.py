"""The packet that `ofproto/trace` takes: every field that is not given is 0 (lib/ofp-flow.c, parse_ofp_exact_flow)."""

from __future__ import annotations

import re

from ruleparse.bits import Number
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import CT_STATES, full
from ruleparse.openflow.keys import KEYWORDS, PORT_KEYS, FlowKey, matched
from ruleparse.openflow.ports import Ports

_WORDS = re.compile(r'([^\s,=]+)(?:=("[^"]*"|\([^)]*\)|[^\s,]*))?')
_TAGGED = 0x1000
_TAGS = {"dl_vlan", "dl_vlan_pcp", "vlan_pcp"}


def read_trace_flow(text: str, ports: Ports) -> dict[str, Number]:
    """The fields of `in_port=1,tcp,nw_src=10.0.0.1,…`. Raises ValueError with a plain sentence."""
    values: dict[str, Number] = {}
    for name, given in _WORDS.findall(text.strip()):
        keyword = KEYWORDS.get(name)
        if keyword is not None and not given:
            for field, number in keyword.values.items():
                values[flow(field)] = number
            continue
        key = matched(name)
        if key is None:
            raise ValueError(f"{name} is not a field that is known")
        _fill(values, key, _number(key, name, given, ports))
        if key.name in _TAGS:
            values[flow("vlan_tci")] = int(values[flow("vlan_tci")]) | _TAGGED  # type: ignore[arg-type]
    return values


def _number(key: FlowKey, name: str, text: str, ports: Ports) -> int:
    if not text:
        raise ValueError(f"{name} takes a value: {name}=…")
    if key.name in PORT_KEYS:
        return ports.number(text)
    value, mask = key.parse(text)
    if mask != full(key.width) and key.name not in ("ct_state", "tcp_flags", "ip_frag"):
        raise ValueError(f"{name}={text}: a packet has no masks")
    return value


def _fill(values: dict[str, Number], key: FlowKey, value: int) -> None:
    at = 0
    for part in key.parts:
        bits = full(part.width)
        name = flow(part.field)
        old = values.get(name, 0)
        assert isinstance(old, int)
        values[name] = old & ~(bits << part.offset) | (value >> at & bits) << part.offset
        at += part.width


def read_ct_state(text: str) -> int:
    """`trk,new` or `trk|est|rpl`. Raises ValueError."""
    state = 0
    for word in re.split(r"[,|\s]+", text.strip()):
        if word not in CT_STATES:
            raise ValueError(f"{word or 'nothing'} is not one of {', '.join(CT_STATES)}")
        state |= 1 << CT_STATES.index(word)
    return state
