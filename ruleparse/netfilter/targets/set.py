from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Effect, Givens, Option, Target, ask
from ruleparse.netfilter.target_values import SET_WITH_DIRECTIONS
from ruleparse.netfilter.values import whole
from ruleparse.program import Action, Havoc

MAPPED = {"--map-mark": ("mark", 32), "--map-prio": ("priority", 32)}


def _effect(givens: Givens, context: Context) -> Effect:
    if not givens.has("--map-set"):
        return ()
    name, directions = givens.get("--map-set")
    member = context.asks(f"the packet ({','.join(directions)}) is in set {name}", "ipset save")
    changes = tuple(_unknown(name, *MAPPED[g.name], context) for g in givens if g.name in MAPPED)
    return [Case((ask(member),), changes), Case((ask(member, negated=True),), ())]


def _unknown(name: str, field: str, bits: int, context: Context) -> Action:
    question = context.asks(f"the {field} that set {name} holds for the packet", "ipset save")
    return Havoc(field, 0, (1 << bits) - 1, question)


TARGET = Target(
    "SET",
    """Puts the packet's addresses or ports into a set, takes them out, or gives the packet the mark and priority that a
    set holds for it, and goes on. Sets are taken as they were saved: what one packet puts in, later tests on it do not
    see (iptables-extensions(8); net/netfilter/xt_set.c).""",
    _effect,
    (
        *(Option((name,), SET_WITH_DIRECTIONS) for name in ("--add-set", "--del-set", "--map-set")),
        Option(("--exist",)),
        Option(("--timeout",), whole(32)),
        Option(("--map-mark",)),
        Option(("--map-prio",)),
        Option(("--map-queue",)),
    ),
)
