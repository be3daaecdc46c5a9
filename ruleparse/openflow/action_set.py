"""Action sets: actions in the order in which OpenFlow does them (lib/ofp-actions.c, ofpacts_execute_action_set)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from ruleparse.openflow.action import Act, Slot
from ruleparse.openflow.actions.output import Output

_FINAL = ("group", "output", "resubmit", "ct")
"""Exactly one of these ends a set: the first kind that there is. Without one the set does nothing at all."""


def in_order(actions: Iterable[Act]) -> tuple[Act, ...]:
    """What a set of these does. An output to the port that a field holds has no place in one (action_set_classify)."""
    by_slot: dict[str, list[Act]] = {}
    for action in actions:
        if isinstance(action.value, Output) and action.value.field is not None:
            continue
        by_slot.setdefault(action.kind.slot, []).append(action)
    final = next((by_slot[slot][-1] for slot in _FINAL if slot in by_slot), None)
    if final is None:
        return ()
    before = []
    for slot in get_args(Slot):
        if slot and slot not in _FINAL and slot in by_slot:
            before += by_slot[slot] if slot == "set" else by_slot[slot][-1:]
    return (*before, final)
