from __future__ import annotations

from ruleparse.netfilter.cases import with_connection, with_template
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.marks import CHANGES, FULL, mark_change
from ruleparse.netfilter.values import hexadecimal, whole
from ruleparse.program import Action, Copy, Set

SHIFTS = tuple(Option((name,), whole(5)) for name in ("--left-shift-mark", "--right-shift-mark"))
MASKS = tuple(Option((name,), hexadecimal(32)) for name in ("--nfmask", "--ctmask", "--mask"))


def _cases(givens: Givens, context: Context) -> list[Case]:
    if context.table != "raw":
        return with_connection(*_change(givens))
    cleared = (Set("mark", 0, givens.get("--nfmask", givens.get("--mask", FULL))),)
    return with_template(cleared if givens.has("--restore-mark") else (), *_change(givens))


def _change(givens: Givens) -> tuple[Action, ...]:
    left = givens.get("--left-shift-mark", 0) - givens.get("--right-shift-mark", 0)
    both = givens.get("--mask", FULL)
    packet_mask, connection_mask = givens.get("--nfmask", both), givens.get("--ctmask", both)
    if givens.has("--save-mark"):
        return (Copy("ct_mark", "mark", connection_mask, packet_mask, left),)
    if givens.has("--restore-mark"):
        return (Copy("mark", "ct_mark", packet_mask, connection_mask, left),)
    change = mark_change(givens)
    if change is None:
        return ()
    return (Set("ct_mark", *change), *([Copy("ct_mark", "ct_mark", left=left)] if left else []))


TARGET = Target(
    "CONNMARK",
    """Changes the connection's mark, or copies between it and the packet's; nothing happens to packets without a
    connection. In raw the mark is that of the template which CT attached, taken to be 0. A shift moves the masked
    bits, after --set-xmark the whole mark (net/netfilter/xt_connmark.c).""",
    _cases,
    (Option(("--save-mark",)), Option(("--restore-mark",)), *CHANGES, *MASKS, *SHIFTS),
)
