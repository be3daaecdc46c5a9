from __future__ import annotations

from typing import NamedTuple

from ruleparse.openflow.action import Act, Kind, arguments, read_actions, show_actions
from ruleparse.openflow.actions.ct_clear import UNTRACKED
from ruleparse.openflow.actions.load import Load
from ruleparse.openflow.actions.move import Move
from ruleparse.openflow.actions.set_field import SetField
from ruleparse.openflow.formats import full, number
from ruleparse.openflow.keys import BY_NAME, Subfield, subfield
from ruleparse.openflow.network_address import Nat, read_nat
from ruleparse.openflow.recirculation import ALONE, ASIDE, Tracking, resume
from ruleparse.openflow.steps import Steps, copy_bits, write_number
from ruleparse.openflow.syntax import Element
from ruleparse.program import Call, Set


class Track(NamedTuple):
    """`zone` is a number or a field; `order` says in which order the arguments were written."""

    commit: bool = False
    force: bool = False
    table: str | None = None
    zone: int | Subfield | None = None
    nat: Nat | None = None
    sets: tuple[Act, ...] = ()
    helper: str | None = None
    order: tuple[str, ...] = ()
    nat_inside: bool = False


def _parse(element: Element) -> Track:
    written = [e for e in arguments(element) if e is not None]
    given = {e.word: e for e in written}
    if unknown := given.keys() - _ARGUMENTS:
        raise ValueError(f"ct has no argument {min(unknown)}")
    inside = given["exec"].inside if "exec" in given else ()
    inner = next((e for e in inside if e is not None and e.word == "nat"), None)
    nat = given.get("nat") or inner
    return Track(
        "commit" in given,
        "force" in given,
        given["table"].text if "table" in given else None,
        _zone(given["zone"].text) if "zone" in given else None,
        None if nat is None else read_nat(nat),
        read_actions(inside if inner is None else tuple([e for e in inside if e is not None and e.word != "nat"])),
        given["alg"].text if "alg" in given else None,
        tuple([e.word for e in written]),
        inner is not None and nat is inner,
    )


_ARGUMENTS = {"commit", "force", "table", "zone", "nat", "alg", "exec"}


def _zone(text: str) -> int | Subfield:
    return number(text) if text[:1].isdecimal() else subfield(text)


def _show(t: Track) -> str:
    return f"ct({','.join(_word(t, name) for name in t.order)})"


def _word(t: Track, name: str) -> str:
    match name:
        case "table":
            return f"table={t.table}"
        case "zone":
            return f"zone={t.zone}"
        case "nat":
            return str(t.nat)
        case "alg":
            return f"alg={t.helper}"
        case "exec":
            inside = show_actions(t.sets) if t.sets else ""
            return f"exec({inside}{f',{t.nat}' if t.nat_inside and inside else t.nat if t.nat_inside else ''})"
    return name


_ZONE = Subfield(BY_NAME["ct_zone"], 0, 16, "ct_zone")


def _lower(t: Track, steps: Steps) -> None:
    steps.act(t.sets)
    zone = t.zone or 0
    steps.do(*(write_number(_ZONE, zone) if isinstance(zone, int) else copy_bits(zone, _ZONE)))
    conntrack = steps.bridge.lasting(_tracking(t))
    if t.table is None:
        steps.do(Call(f"{conntrack} {ALONE}"))
    else:
        resume(steps, t.table.strip('"'), conntrack)
    steps.do(*UNTRACKED, *([Set(ASIDE, 1)] if t.nat is not None else []))


def _tracking(t: Track) -> Tracking:
    return Tracking(t.commit, t.force, t.nat, _written(t, "ct_mark"), _written(t, "ct_label"))


def _written(t: Track, name: str) -> int:
    """The bits of a field that `exec` writes."""
    bits = 0
    for value in (act.value for act in t.sets):
        if isinstance(value, SetField) and value.key.name == name:
            bits |= value.mask
        elif isinstance(value, Load | Move) and value.target.key.name == name:
            bits |= full(value.target.width) << value.target.offset
    return bits


ACTION = Kind(
    ("ct",),
    """Gives a copy of the packet to connection tracking, which with `table` comes back there, tracked; the packet
    itself goes on untracked. `commit` keeps the connection, `nat` translates it, `exec` sets its mark and label
    (ovs-actions(7)). The state is that of a new connection unless --ct-next says another.""",
    "ct(commit,force,table=TABLE,zone=N|FIELD[BITS],nat(…),exec(…),alg=ftp|tftp)",
    _parse,
    _show,
    _lower,
    slot="ct",
    anew={"nat": lambda t, nat: t._replace(nat=read_nat(nat))},
    leads=lambda t, _: [] if t.table is None else [("recirculate", f"table {t.table.strip(chr(34))}")],
)
