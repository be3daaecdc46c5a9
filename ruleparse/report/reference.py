"""Reference pages, made from the declarations themselves."""

from __future__ import annotations

import inspect

from ruleparse.cni.decoder import Decoder
from ruleparse.cni.flow_decoder import FlowDecoder
from ruleparse.cni.flow_names import FLOW_DECODERS
from ruleparse.cni.names import DECODERS
from ruleparse.lint.finding import LintRule
from ruleparse.lint.registry import rule, rule_names
from ruleparse.netfilter import fields, registry
from ruleparse.netfilter.core import CORE
from ruleparse.netfilter.extension import Match, Option, Target
from ruleparse.openflow.fields import PREFIX
from ruleparse.packet import FIELDS, Field
from ruleparse.report import flow_reference

_DECLARED_BY = fields.__name__
_EVERY: tuple[type[Decoder] | type[FlowDecoder], ...] = (*DECODERS, *FLOW_DECODERS)
_DECODERS = {decoder.name: decoder for decoder in _EVERY}


def overview() -> str:
    """Every match, target, field, decoder and lint rule, and what flows match and do, a line each."""
    lines = ["Matches (-m NAME)"]
    lines += [_line(m.name, m.state, m.doc) for name in registry.match_names() if (m := registry.match(name))]
    lines += ["", "Targets (-j NAME)"]
    lines += [_line(t.name, t.state, t.doc) for name in registry.target_names() if (t := registry.target(name))]
    lines += ["", "Fields"]
    lines += [_line(f.name, f"{f.width} bits", f.doc) for f in FIELDS.values() if not f.name.startswith(PREFIX)]
    lines += ["", *flow_reference.overview()]
    lines += ["", "Decoders, by whose rules or flows they name"]
    lines += [f"  {name:25} {decoder.title}" for name, decoder in _DECODERS.items()]
    lines += ["", "Lint rules"]
    lines += [f"  {r.name:30} {r.severity:8} {r.title}" for name in rule_names() if (r := rule(name))]
    return "\n".join(lines)


def pages(name: str) -> list[str]:
    """The pages of everything of this name."""
    found: list[str] = []
    if name in ("ip", "core"):
        found.append(_extension(CORE, "options of every rule"))
    if match := registry.match(name):
        found.append(_extension(match, f"-m {match.name}"))
    if target := registry.target(name.upper()):
        found.append(_extension(target, f"-j {target.name}"))
    if name in FIELDS:
        found.append(_field(FIELDS[name]))
    found += flow_reference.pages(name)
    if name in _DECODERS:
        found.append(_decoder(_DECODERS[name]))
    if lint_rule := rule(name):
        found.append(_lint_rule(lint_rule))
    return found


def _decoder(decoder: type[Decoder] | type[FlowDecoder]) -> str:
    what = "flows of a bridge" if issubclass(decoder, FlowDecoder) else "rules"
    return f"{decoder.name}   names the {what} that {decoder.title} writes\n\n{inspect.getdoc(decoder)}"


def _line(name: str, state: str, doc: str) -> str:
    return f"  {name:16} {state:8} {inspect.cleandoc(doc).splitlines()[0]}"


def _extension(declared: Match | Target, title: str) -> str:
    families = " and ".join(f"IPv{f}" for f in declared.families)
    lines = [f"{title}   {declared.state}, {families}", "", inspect.cleandoc(declared.doc), ""]
    lines += [f"  {_option(o)}" for o in declared.options]
    return "\n".join(lines).rstrip()


def _option(option: Option) -> str:
    aliases = f"   (also {', '.join(option.names[1:])})" if len(option.names) > 1 else ""
    return f"{option.names[0]} {option.codec.syntax}".rstrip() + aliases


def _lint_rule(declared: LintRule) -> str:
    return f"lint rule {declared.name}   {declared.severity}\n\n{inspect.cleandoc(declared.doc)}"


def _field(f: Field) -> str:
    lines = [f"field {f.name}   {f.width} bits", "", f.doc]
    if f.needs:
        lines.append(f"only in: {f.needs}")
    if f.values:
        lines.append("values: " + ", ".join(f"{i} {v}" for i, v in enumerate(f.values)))
    if f.default is not None:
        lines.append(f"{f.default} if nobody said otherwise")
    return "\n".join(lines)
