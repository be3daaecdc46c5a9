"""Lines are cut by an automaton made of a grammar's text; it has to agree with Lark, which reads the same text."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.lexer import TerminalDef

from ruleparse.grammars import grammar, grammar_text, notation, terminal
from ruleparse.words import BadLine, Word, _automaton, cut, cut_by_lark
from tests.places import ROOT

GRAMMARS = sorted(path.stem for path in (ROOT / "grammar").glob("*.lark"))

# The rules that describe one line, and lines of each.
LINES = {
    ("iptables_save", "rule"): [
        "-A INPUT",
        '-A INPUT ! -s 10.0.0.1/32 -m comment --comment "a \\" b" --dport ! 80 -j DROP',
        "-I OUTPUT 3 -p tcp -m tcp --tcp-flags FIN,SYN SYN -m set --match-set a src,dst -j X",
        "[1:2] -A c -m x [unsupported revision] -j LOG --log-prefix -j",
    ],
    ("ip_route", "route"): [
        "default via 172.18.0.1 dev eth0 proto dhcp src 172.18.0.2 metric 100",
        "blackhole 10.244.1.0/24 proto 80",
        "10.1.0.0/16 via inet6 fe80::1 dev eth0 onlink mtu lock 1400 advmss 5 pref medium",
        "fd00::/64 proto kernel \\\tnexthop via fe80::1 dev a weight 1 \\\tnexthop via fe80::2 dev b weight 2 linkdown",
        "10.0.0.0/8  encap ip id 7 src 0.0.0.0 dst 1.2.3.4 ttl 0 tos 0 via 1.2.3.4 dev tun0 what",
    ],
    ("ip_route", "classic"): ["0.0.0.0         172.18.0.1      0.0.0.0         UG    0      0        0 eth0"],
    ("ip_rule", "rule"): [
        "0:\tfrom all lookup local",
        "100:\tnot from all to 10.0.0.0/8 fwmark 0x1/0xff iif eth0 [detached] lookup 200 suppress_prefixlength 0",
        "512:\tfrom all to 10.1.1.1 lookup main proto kernel",
        "7:\tfrom all goto 9 [unresolved]",
        "1000:\tfrom all lookup [l3mdev-table]",
        "9:\tfrom 10.0.0.1 map-to 1.2.3.4",
    ],
    ("ip_link", "header"): [
        "2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default",
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000",
    ],
    ("ip_link", "link"): [
        "    link/ether 02:42:ac:12:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0",
        "    link/ipip 10.0.0.1 brd 0.0.0.0",
        "    link/none",
    ],
    ("ip_link", "brief"): ["eth0@if3  UP  02:42:ac:12:00:02 <BROADCAST,MULTICAST,UP,LOWER_UP>", "lo UNKNOWN"],
    ("ip_addr", "address"): [
        "    inet 10.1.1.1/24 brd 10.1.1.255 scope global dynamic eth0",
        "    inet6 fe80::1/64 scope link",
        "2:\\ eth0 inet 10.0.0.1/8",
        "2: eth0    inet 10.0.0.1 peer 10.0.0.2/32 scope global eth0\\       valid_lft forever preferred_lft forever",
    ],
    ("ip_addr", "brief"): ["eth0@if3   UP   10.0.0.1/24 fe80::1/64 metric 100", "cali1 DOWN"],
}  # fmt: skip


KEYWORDS = {word for name in GRAMMARS for word in re.findall(r"[a-z_-]{2,}", grammar_text(name))}
WORDS = sorted(
    word + after
    for word in {word for lines in LINES.values() for line in lines for word in line.split()} | KEYWORDS
    for after in ("", " x", "\t!", "/8", ":80")
)


def outcome(cutter, name: str, rule: str, line: str) -> list[Word] | None:
    try:
        return cutter(name, rule, line)
    except BadLine:
        return None


@pytest.mark.parametrize(("name", "rule"), LINES, ids=lambda part: part)
def test_lines_are_cut_without_lark_as_lark_does(name, rule):
    for line in LINES[name, rule]:
        assert _automaton(name, rule).words(line) == outcome(cut_by_lark, name, rule, line)


@pytest.mark.parametrize(("name", "rule"), LINES, ids=lambda part: part)
def test_damaged_lines_are_cut_as_lark_does(name, rule):
    words = sorted({word for line in LINES[name, rule] for word in line.split()})

    @settings(max_examples=100)
    @given(st.sampled_from(LINES[name, rule]), st.lists(st.sampled_from(words), max_size=6), st.randoms())
    def check(line: str, others: list[str], chance: random.Random) -> None:
        for each in (" ".join([line, *others]), " ".join([*line.split()[:3], *others]), mutant(line, chance)):
            assert outcome(cut, name, rule, each) == outcome(cut_by_lark, name, rule, each)

    check()


def mutant(line: str, chance: random.Random) -> str:
    """A line with a character or two changed, left out, or put in."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(line) + 1)
        line = (
            line[:at]
            + chance.choice(["", '"', " ", "\\", "-", "!", "0", ":", "[", "/"])
            + line[at + chance.randint(0, 1) :]
        )
    return line


def test_a_line_that_is_wrong_is_told_where():
    with pytest.raises(BadLine) as raised:
        cut("ip_rule", "rule", "0:\tfrom all lookup")
    assert (raised.value.start, raised.value.end) == (12, 18)


# Grammars


@pytest.mark.parametrize("name", GRAMMARS)
def test_all_of_a_grammar_is_read(name):
    """What the text says of terminals and rules is what Lark makes of it."""
    text = grammar_text(name)
    mine = notation(name)
    defined = set(re.findall(r"(?m)^[?!]?(\w+)[.:]", text))
    assert mine.terminals.keys() | mine.rules.keys() == defined
    start = "dump" if "dump" in mine.rules else next(iter(mine.rules))
    for known in grammar(name, start).terminals:
        if known.name in mine.terminals:
            assert mine.priorities[known.name] == known.priority
            assert terminal(name, known.name).replace("(?:", "(") == as_written(known).replace("(?:", "(")


def as_written(terminal: TerminalDef) -> str:
    pattern: str = terminal.pattern.value
    return pattern.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


@pytest.mark.parametrize(("name", "rule"), LINES, ids=lambda part: part)
def test_the_terminal_that_takes_a_word_is_the_one_of_lark(name, rule):
    """Wherever a reader may be in a rule, and whatever comes: Lark's order also looks at the width of terminals."""
    order = [f'"{t.pattern.value}"' if t.name == "COLON" else t.name for t in sorted_by_lark(name, rule)]
    automaton = _automaton(name, rule)
    for state in states_of(automaton):
        choices = automaton.choices(state)
        by_lark = sorted(choices, key=lambda choice: order.index(choice.kind))
        for word in WORDS:
            assert first_match(choices, word) == first_match(by_lark, word)


def states_of(automaton) -> set[frozenset[int]]:
    states, seen = [automaton.follow[0]], set()
    while states:
        state = states.pop()
        if state not in seen:
            seen.add(state)
            states += [choice.then for choice in automaton.choices(state)]
    return seen


def first_match(choices, word: str) -> str | None:
    return next((choice.kind for choice in choices if choice.match(word, 0)), None)


def sorted_by_lark(name: str, rule: str) -> list[TerminalDef]:
    """As its lexer does it (lark/lexer.py, BasicLexer)."""
    return sorted(
        grammar(name, rule).terminals,
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
