"""What a rule asks of a packet, in a few words: for labels, where the rule itself is too long."""

from __future__ import annotations

from ruleparse.netfilter.syntax import Option, RuleSyntax

_NAMES = {
    "-p": "", "-s": "src", "-d": "dst", "-i": "in", "-o": "out", "--match-set": "in set",
    "--src-type": "src type", "--dst-type": "dst type",
    "--physdev-in": "bridge port in", "--physdev-out": "bridge port out",
}  # fmt: skip
_LEFT_OUT = {"-m", "--match", "--comment", "--mode", "-c", "--set-counters"}
_ENDS = {"-j", "--jump", "-g", "--goto"}


def in_short(rule: RuleSyntax) -> str:
    """`tcp dst 10.96.0.10 dport 53`; empty for a rule that every packet fits."""
    said = []
    for option in rule.options:
        if option.name in _ENDS:
            break
        if option.name not in _LEFT_OUT:
            said.append(_condition(option))
    return " ".join(said)


def _condition(option: Option) -> str:
    name = _NAMES.get(option.name, option.name.lstrip("-").replace("-", " "))
    words = [word.removesuffix("/32").removesuffix("/128") for word in option.words]
    return " ".join(filter(None, ["not" if option.negated else "", name, *words]))
