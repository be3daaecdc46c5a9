"""What a rule did, in a few words, from its actions."""

from __future__ import annotations

from ruleparse.codec import show_address
from ruleparse.packet import FIELDS
from ruleparse.program import Action, Add, Call, Copy, Goto, Havoc, Note, Return, Rule, Set, Stop

_BOOKKEEPING = {"decided", "dst_nat_rule", "src_nat_rule", "port_fixed", "port_ranged", "sets_changed"}


def effect_of(rule: Rule) -> str:
    """`jump KUBE-SERVICES`, `mark 0x4000/0x4000`, `accept`; empty for a rule that only counts."""
    return ", ".join(text for action in rule.actions if (text := _describe(action)))


def _describe(action: Action) -> str:
    match action:
        case Call(table):
            return "masquerade" if table == "masquerade" else f"jump {_chain(table)}"
        case Goto(table):
            return f"goto {_chain(table)}"
        case Return():
            return "return"
        case Stop(verdict, _, detail):
            return f"{verdict} with {detail}" if verdict == "reject" and detail else verdict
        case Set(field, value, mask) if field not in _BOOKKEEPING:
            return _setting(field, value, mask)
        case Copy(target, source):
            return f"{target} from {source}"
        case Add(field, amount):
            return f"{field} {amount:+d}"
        case Havoc(field, low, high):
            return f"{field} {_value(field, low)}-{_value(field, high)}"
        case Note(text):
            return text
    return ""


def _setting(field: str, value: int, mask: int) -> str:
    if mask == -1:
        return f"{field} {_value(field, value)}"
    full = (1 << FIELDS[field].width) - 1
    return f"{field} {value:#x}" if mask == full else f"{field} {value:#x}/{mask:#x}"


def _value(field: str, value: int) -> str:
    if field in ("src", "dst"):
        return show_address(value, 4 if value >> 32 == 0 else 6)
    return f"{value:#x}" if field.endswith("mark") else str(value)


def _chain(table: str) -> str:
    return table.rsplit(" ", 1)[-1]
