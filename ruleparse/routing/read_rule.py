"""Reads what `ip rule` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleparse.codec import Prefix, integer, interface, number_range, prefix, protocol
from ruleparse.routing.model import Lines, PolicyRule, PolicyRules, table_name, tos
from ruleparse.routing.shapes import BadLine, LineParser, Word, line_kinds, lines
from ruleparse.text import Source, Span

_KINDS = ("COMMENT_LINE", "ERROR_LINE", "ENTRY")
_VALUES = frozenset({"PRIORITY", "PREFIX", "VALUE", "NUMBER"})


def read(source: Source, *, family_hint: int | None = None) -> PolicyRules:
    """Everything an `ip rule` text holds. Never raises: what is wrong is a diagnostic.

    A text may hold the rules of both families, one after the other. Where no address tells which they are, IPv4 is the
    family that has a rule for table default.
    """
    result = PolicyRules()
    about = Lines(source, result.diagnostics)
    for block in _blocks(_rules(about)):
        family = _family(block) or family_hint or _family_by_default_rule(block)
        result.rules += [replace(rule, family=family) for rule in block]
        result.families |= {family}
    return result


def _rules(about: Lines) -> Iterator[PolicyRule]:
    parser = LineParser("ip_rule", "rule", _VALUES)
    for found in lines(about.source.text, line_kinds(("ip_rule", _KINDS))):
        at = found.start()
        match found.lastgroup:
            case "ENTRY":
                try:
                    yield _rule(parser.parse(found[0]), about.span(at, at + len(found[0].rstrip())))
                except BadLine as bad:
                    about.error("this is not how a rule goes on", at + bad.start, at + bad.end)
                except ValueError as error:
                    about.error(str(error), *found.span())
            case "ERROR_LINE":
                about.incomplete("rules are missing: the command that printed them failed", *found.span())
            case "BAD_LINE" if found[0].strip():
                about.error("this line is not one of `ip rule`", *found.span())


def _rule(words: list[Word], span: Span) -> PolicyRule:
    stream = iter(words)
    rule = PolicyRule(int(next(stream).text[:-1]), 0, "lookup", span)
    for kind, text, _ in stream:
        match kind:
            case "NOT":
                rule = replace(rule, negated=True)
            case "FROM":
                rule = replace(rule, source=_prefix(next(stream).text))
            case "TO":
                rule = replace(rule, destination=_prefix(next(stream).text))
            case "INTERFACE" | "ONE" | "OPTION":
                rule = _with(rule, text, next(stream).text)
            case "L3MDEV":
                rule = replace(rule, unsupported="l3mdev")
            case "LOOKUP":
                rule = _of_table(rule, next(stream))
            case "GOTO":
                rule = replace(rule, action="goto", goto=int(next(stream).text))
            case "PLAIN" | "NAT":
                rule = replace(rule, action=text)
    return rule


def _of_table(rule: PolicyRule, word: Word) -> PolicyRule:
    """The table of a VRF holds for packets of its interfaces alone."""
    if word.kind == "L3MDEV_TABLE":
        return replace(rule, unsupported="l3mdev")
    return replace(rule, table=table_name(word.text))


def _with(rule: PolicyRule, name: str, value: str) -> PolicyRule:
    match name:
        case "iif" | "oif":
            interface(value)  # refuses a name that is too long
            return replace(rule, iif=value) if name == "iif" else replace(rule, oif=value)
        case "fwmark":
            return replace(rule, mark=_mark(value))
        case "tos":
            return replace(rule, tos=tos(value))
        case "dscp":
            return replace(rule, tos=int(value) << 2 if value.isdecimal() else tos(value))
        case "uidrange":
            return replace(rule, uids=number_range(value, 0xFFFFFFFF, "-"))
        case "ipproto":
            return replace(rule, proto=protocol(value))
        case "sport":
            return replace(rule, sports=number_range(value, 0xFFFF, "-"))
        case "dport":
            return replace(rule, dports=number_range(value, 0xFFFF, "-"))
        case "suppress_prefixlength":
            return replace(rule, suppress_prefixlength=integer(value, 0, 128))
        case "suppress_ifgroup":
            return replace(rule, suppress_ifgroup=value)
        case "tun_id" | "flowlabel":
            return replace(rule, unsupported=f"{name} {value}")
    return rule


def _mark(text: str) -> tuple[int, int]:
    value, slash, mask = text.partition("/")
    return integer(value, 0, 0xFFFFFFFF), integer(mask, 0, 0xFFFFFFFF) if slash else 0xFFFFFFFF


def _prefix(text: str) -> Prefix | None:
    if text == "all" or text.startswith("0/"):
        return None
    return prefix("0.0.0.0" if text == "0" else text)


def _blocks(rules: Iterator[PolicyRule]) -> Iterator[list[PolicyRule]]:
    """Rules of one family: they are printed by priority, so where it falls the other family begins."""
    block: list[PolicyRule] = []
    for rule in rules:
        if block and rule.priority < block[-1].priority:
            yield block
            block = []
        block.append(rule)
    if block:
        yield block


def _family(block: list[PolicyRule]) -> int | None:
    prefixes = [p for rule in block for p in (rule.source, rule.destination) if p is not None]
    return prefixes[0].family if prefixes else None


def _family_by_default_rule(block: list[PolicyRule]) -> int:
    return 4 if any(rule.table == "default" for rule in block) else 6
