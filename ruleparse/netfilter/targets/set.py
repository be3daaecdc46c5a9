from __future__ import annotations

from collections.abc import Hashable, MutableMapping
from typing import Any

from ruleparse.netfilter.extension import Case, Context, Effect, Given, Givens, Option, Target
from ruleparse.netfilter.ipset import NotKnown, changed
from ruleparse.netfilter.matches import set as set_match
from ruleparse.netfilter.set_info import Info, infos
from ruleparse.netfilter.values import whole
from ruleparse.packet import Packet
from ruleparse.program import FORGOTTEN, Action, Havoc, Remember, Set, Test

MAPPED = {"--map-mark": "mark", "--map-prio": "priority"}
FULL = 0xFFFFFFFF


def _effect(givens: Givens, context: Context) -> Effect:
    if not givens.has("--map-set"):
        return tuple(
            action
            for given in sorted(givens, key=lambda g: g.name)
            if given.name in CHANGES
            for action in _changes(given.value, given.name == "--add-set", context)
        )
    value = givens.get("--map-set")
    wanted = [MAPPED[g.name] for g in givens if g.name in MAPPED]
    known = infos(value, context)
    outside = Case((_membership(value, context, negated=True),), ())
    if known is None:
        unknown = tuple(_unknown(value, field, context) for field in wanted)
        return [outside, Case((_membership(value, context),), unknown)]
    return [outside, *(Case((meets,), tuple(_change(info, field) for field in wanted)) for meets, info in known)]


CHANGES = ("--add-set", "--del-set")


def _changes(value: set_match.InSet, add: bool, context: Context) -> tuple[Action, ...]:
    """The set is another one from now on where packets are remembered; else what it holds then has to be asked."""
    bits = set_match.bits_of(value.name, context)

    def change(packet: Packet, memory: MutableMapping[Hashable, Any]) -> None:
        known = set_match.with_changes(context.facts.sets or {}, memory)
        try:
            new = changed(known, value.name, value.directions, context.family, packet, add=add)
        except NotKnown:
            memory[set_match.changes_of(value.name)] = FORGOTTEN
        else:
            memory.update({set_match.changes_of(name): one for name, one in new.items()})

    return Remember(change), Set("sets_changed", bits, bits)


def _membership(value: set_match.InSet, context: Context, *, negated: bool = False) -> Test:
    """The test that -m set --match-set makes."""
    match = set_match.MATCH
    assert match.tests is not None
    test = next(iter(match.tests(Givens([Given(match.options[0], value, negated)]), context)))
    assert isinstance(test, Test)
    return test


def _change(info: Info, field: str) -> Action:
    return Set("mark", info.mark, info.mask) if field == "mark" else Set("priority", info.priority)


def _unknown(value: set_match.InSet, field: str, context: Context) -> Action:
    question = context.asks(f"the {field} that set {value.name} holds for the packet", "ipset save")
    return Havoc(field, 0, FULL, question)


SETS = tuple(Option((name,), set_match.IN_SET) for name in ("--add-set", "--del-set", "--map-set"))

TARGET = Target(
    "SET",
    """Puts the packet's addresses or ports into a set, takes them out, or gives the packet the mark and priority that a
    set holds for it, and goes on. What a set holds behind such a rule is asked by -m set, and known with --stateful
    (iptables-extensions(8); net/netfilter/xt_set.c).""",
    _effect,
    (
        *SETS,
        Option(("--exist",)),
        Option(("--timeout",), whole(32)),
        Option(("--map-mark",)),
        Option(("--map-prio",)),
        Option(("--map-queue",)),
    ),
)
