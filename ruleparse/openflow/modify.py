"""Actions that set one header field of old: `mod_dl_src:…`, `mod_tp_dst:…`, `set_tunnel:…`."""

from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.formats import Format, full
from ruleparse.openflow.keys import BY_NAME, Subfield
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element


def modify(name: str, field: str, needs: str, doc: str, form: Format | None = None, *, brackets: bool = False) -> Kind:
    """An action `name:VALUE` (with `brackets`: `name(VALUE)`) that sets a field of packets that have what is needed."""
    key = BY_NAME[field]
    written = form or key.format

    def parse(element: Element) -> int:
        inside = element.inside[0] if element.sign == "(" and len(element.inside) == 1 else None
        text = str(inside) if inside is not None else behind_colon(element)
        return written.parse(text, key.width)[0]

    def show(value: int) -> str:
        text = written.show(value, full(key.width), key.width)
        return f"{name}({text})" if brackets else f"{name}:{text}"

    def lower(value: int, steps: Steps) -> None:
        mask = 0xFC if field == "nw_tos" else None
        target = Subfield(key, 0, key.width, field)
        steps.needing(needs, *write_number(target, value, mask))

    return Kind((name,), doc, f"{name}(N)" if brackets else f"{name}:VALUE", parse, show, lower, slot="set")
