from __future__ import annotations

from ruleparse.netfilter.cases import attach_template, dont_track
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.target_values import number_or
from ruleparse.netfilter.values import TEXT, bit_names
from ruleparse.program import Action, Copy, Set

EVENTS = ("new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark")
EVENT_LIST = bit_names({name: 1 << bit for bit, name in enumerate(EVENTS)})
ZONE = number_or("mark", 16)


def _cases(givens: Givens, _: Context) -> list[Case]:
    if givens.has("--notrack"):
        return dont_track()
    both = givens.get("--zone")
    original, reply = givens.get("--zone-orig", both), givens.get("--zone-reply", both)
    return attach_template(*_zone_change("ct_zone", original), *_zone_change("ct_zone_reply", reply))


def _zone_change(field: str, zone: int | str | None) -> tuple[Action, ...]:
    if zone is None:
        return ()
    return (Copy(field, "mark", source_mask=0xFFFF),) if isinstance(zone, str) else (Set(field, zone),)


TARGET = Target(
    "CT",
    """Says how conntrack shall take the packet: not at all, in a zone, with a helper. The first CT or NOTRACK rule that
    a packet meets counts. Helpers, timeouts and events change nothing that a rule asks about the packet itself
    (iptables-extensions(8); net/netfilter/xt_CT.c).""",
    _cases,
    (
        Option(("--notrack",)),
        Option(("--helper",), TEXT),
        Option(("--timeout",), TEXT),
        Option(("--ctevents",), EVENT_LIST),
        Option(("--expevents",), EVENT_LIST),
        Option(("--zone-orig",), ZONE),
        Option(("--zone-reply",), ZONE),
        Option(("--zone",), ZONE),
    ),
    tables=("raw",),
)
