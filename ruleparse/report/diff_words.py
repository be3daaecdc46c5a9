"""A change of fate in a few words, for every format of `diff`."""

from __future__ import annotations

from ruleparse.changes.host import Change
from ruleparse.query.host import Packets
from ruleparse.query.matrix import Met
from ruleparse.report.flow_words import flow_in_words
from ruleparse.report.sets_text import where_to
from ruleparse.report.why_text import spaced
from ruleparse.why_bridge import FlowStep

NOW = {
    "accept": "now accepted",
    "drop": "now dropped",
    "reject": "now rejected",
    "controller": "now for the controller",
}
WAS = {"accept": "accepted", "drop": "dropped", "reject": "rejected", "controller": "for the controller"}


def headline(c: Change) -> str:
    """`now dropped`, `now leaves by eth1`, `now accepted with another dst, mark`."""
    if c.before.verdict != c.after.verdict:
        return NOW[c.after.verdict] + where_to(c.after)
    if c.after.verdict == "accept" and c.before.egress != c.after.egress:
        other = "now delivered to this node" if c.after.egress == "local" else f"now leaves by {c.after.egress}"
        return other if c.after.egress else "now leaves elsewhere"
    if c.fields:
        return f"now leaves with another {', '.join(c.fields)}"
    return f"{WAS[c.after.verdict]} otherwise{where_to(c.after)}"


def past(p: Packets) -> str:
    return f"was {WAS[p.verdict]}{where_to(p)}"


def by_whom(p: Packets | Met) -> str:
    """The rule that decided, or why the kernel did."""
    if p.decided_by is None:
        return f"the kernel: {p.reason}" if p.reason else "no rule"
    place = p.decided_by
    if isinstance(place, FlowStep):
        return flow_in_words(place) + (f" ({place.file}:{place.line})" if place.file else "")
    rule = "the policy" if place.rule == 0 else f"rule {place.rule}"
    return f"{place.table} {place.chain}, {rule} ({place.file}:{place.line})"


def conditions(c: Change, most: int) -> list[str]:
    """The packets, a row each; the last one may say that there are more."""
    rows = [", ".join(f"{name} {spaced(value, most)}" for name, value in row.items()) for row in c.after.when or ({},)]
    shown = [row or "every packet" for row in rows[:most]]
    more = ["and more"] if c.after.when_cut else [f"and {len(rows) - most} more"] if len(rows) > most else []
    return shown + more
