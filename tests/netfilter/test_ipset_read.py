"""`ipset save` and `ipset list`, read."""

import pytest

from ruleparse.grammars import grammar
from ruleparse.netfilter.ipset import read_sets
from ruleparse.text import Source

SAVE = """\
create cali40s:abc hash:net family inet hashsize 1024 maxelem 1048576 bucketsize 12 initval 0xaff5135c
add cali40s:abc 10.244.0.0/24
add cali40s:abc 10.244.1.1 nomatch
create KUBE-NODE-PORT bitmap:port range 0-65535
create six hash:ip,port family inet6 hashsize 1024 maxelem 65536 timeout 300 counters comment skbinfo
add six fd00::1,tcp:80 timeout 12 packets 3 bytes 180 comment "it's, here" skbmark 0x1/0xff skbprio 1:2 skbqueue 3
create all list:set size 8
add all cali40s:abc
add all six
"""

LIST = """\
Name: cali40s:abc
Type: hash:net
Revision: 7
Header: family inet hashsize 1024 maxelem 1048576 bucketsize 12 initval 0xaff5135c
Size in memory: 504
References: 1
Number of entries: 2
Members:
10.244.0.0/24
10.244.1.1 nomatch

Name: KUBE-NODE-PORT
Type: bitmap:port
Revision: 1
Header: range 0-65535
Size in memory: 524432
References: 1
Members:

Name: six
Type: hash:ip,port
Revision: 7
Header: family inet6 hashsize 1024 maxelem 65536 timeout 300 counters comment skbinfo
Size in memory: 504
References: 1
Number of entries: 1
Members:
fd00::1,tcp:80 timeout 12 packets 3 bytes 180 comment "it's, here" skbmark 0x1/0xff skbprio 1:2 skbqueue 3

Name: all
Type: list:set
Revision: 3
Header: size 8
Size in memory: 80
References: 0
Number of entries: 2
Members:
cali40s:abc
six
"""


def sets(*texts):
    found, problems = read_sets(Source(f"ipset-{n}.txt", text) for n, text in enumerate(texts))
    assert [d.render() for d in problems] == []
    return found


def told(found):
    return {
        s.name: (s.type, s.family, s.saved, dict(s.options), [(m.text, dict(m.options)) for m in s.members()])
        for s in found.values()
    }


@pytest.mark.parametrize("text", [SAVE, SAVE.replace("\n", "\r\n"), LIST, LIST.replace("\n", "\r\n")])
def test_sets(text):
    found = sets(text)
    assert list(found) == ["cali40s:abc", "KUBE-NODE-PORT", "six", "all"]
    assert [(s.type, s.family, s.saved) for s in found.values()] == [
        ("hash:net", 4, True), ("bitmap:port", None, True), ("hash:ip,port", 6, True), ("list:set", None, True),
    ]  # fmt: skip
    assert found["cali40s:abc"].options["maxelem"] == "1048576"
    assert found["six"].options["counters"] == ""
    assert [(m.text, m.options) for m in found["cali40s:abc"].members()] == [
        ("10.244.0.0/24", {}), ("10.244.1.1", {"nomatch": ""}),
    ]  # fmt: skip
    (member,) = found["six"].members()
    assert member.options == {
        "timeout": "12", "packets": "3", "bytes": "180", "comment": "it's, here", "skbmark": "0x1/0xff",
        "skbprio": "1:2", "skbqueue": "3",
    }  # fmt: skip
    assert [m.text for m in found["all"].members()] == ["cali40s:abc", "six"]
    assert list(found["KUBE-NODE-PORT"].members()) == []


def test_saved_and_listed_are_the_same():
    assert told(sets(SAVE)) == told(sets(LIST))


def test_both_in_one_text_are_one():
    assert told(sets(LIST, SAVE)) == told(sets(SAVE))
    assert told(sets(SAVE, LIST)) == told(sets(SAVE))


def test_members_keep_their_place():
    found = sets(SAVE)
    spans = [m.span for s in found.values() for m in s.members()]
    assert [s.line for s in spans] == [2, 3, 6, 8, 9]
    assert spans[1].text == "10.244.1.1 nomatch"


def test_a_terse_list_has_no_members_to_know():
    text = (
        "Name: a\nType: hash:ip\nRevision: 7\nHeader: family inet hashsize 1024 maxelem 65536\nNumber of entries: 8\n"
    )
    assert [s.saved for s in sets(text).values()] == [False]
    full = "create a hash:ip family inet\nadd a 10.0.0.1\n"
    for texts in ((text, full), (full, text)):
        (only,) = sets(*texts).values()
        assert (only.saved, [m.text for m in only.members()]) == (True, ["10.0.0.1"])


def test_members_may_come_in_any_order():
    text = (
        "create a hash:ip family inet\ncreate b hash:ip family inet\nadd a 10.0.0.1\nadd b 10.0.0.2\nadd a 10.0.0.3\n"
    )
    assert [[m.text for m in s.members()] for s in sets(text).values()] == [["10.0.0.1", "10.0.0.3"], ["10.0.0.2"]]


def test_names_that_begin_alike():
    text = (
        "create a hash:ip family inet\ncreate ab hash:ip family inet\nadd a 10.0.0.1\nadd ab 10.0.0.2\nadd a 10.0.0.3\n"
    )
    assert [[m.text for m in s.members()] for s in sets(text).values()] == [["10.0.0.1", "10.0.0.3"], ["10.0.0.2"]]


def test_what_restore_takes_besides():
    text = "# mine\ncreate a hash:ip family inet -exist\nadd a 10.0.0.1 -exist\n  add -exist a 10.0.0.2\n"
    assert [m.text for m in sets(text)["a"].members()] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("text", "name", "severity", "line"),
    [
        ("create a hash:ip family inet\nadd b 10.0.0.1\n", "unknown-set", "error", 2),
        ("create a hash:nonsense family inet\n", "unknown-type", "error", 1),
        ("create a hash:ip family inet\ncreate a hash:ip family inet\n", "set-created-twice", "warning", 2),
        ("create a hash:ip family inet\nflush a\n", "unsupported-command", "warning", 2),
        ("create a hash:ip family inet\nwhat\n", "syntax", "error", 2),
        ("create a hash:ip family inet ???\n", "syntax", "error", 1),
        ("create a hash:ip family inet\nadd a 10.0.0.1 sometimes\n", "syntax", "error", 2),
        ("create a hash:ip family inet\nadd a\n", "syntax", "error", 2),
        ("Name: a\nType: hash:ip\nHeader: family inet\nMembers:\n10.0.0.1\n10.0.0.2 sometimes\n", "syntax", "error", 6),
    ],
)
def test_what_is_wrong_is_told(text, name, severity, line):
    _, problems = read_sets([Source("x", text)])
    assert [(d.name, d.severity, d.span and d.span.line) for d in problems] == [(name, severity, line)]


@pytest.mark.parametrize(
    ("type_", "member", "message"),
    [
        ("hash:ip", "10.0.0.256", "'10.0.0.256' is not an IPv4 address"),
        ("hash:net", "10.0.0.0/33", "/33 is longer than an address"),
        ("hash:net", "fd00::/8", "is not an IPv4 address"),
        ("hash:ip,port", "10.0.0.1", "has 1 parts"),
        ("hash:ip,port", "10.0.0.1,tcp:65536", "65536 is not between 0 and 65535"),
        ("hash:ip,port", "10.0.0.1,icmp:nonsense", "'nonsense' is not an ICMP type"),
        ("hash:net,iface", "10.0.0.0/8,a-name-of-sixteen", "longer than 15 bytes"),
    ],
)
def test_members_that_make_no_sense_are_told_when_they_are_looked_at(type_, member, message):
    found, problems = read_sets([Source("x", f"create a {type_} family inet\nadd a {member}\n")])
    assert problems == []
    (problem,) = found["a"].diagnostics
    assert message in problem.message
    assert problem.span is not None
    assert problem.span.text == member


def test_strange_bytes_survive():
    text = b'create \xff\xfe hash:ip family inet comment\nadd \xff\xfe 10.0.0.1 comment "\xc3\x28"\n'
    found, problems = read_sets([Source.from_bytes("x", text)])
    assert problems == []
    (member,) = found["\udcff\udcfe"].members()
    assert member.options["comment"].encode("utf-8", "surrogateescape") == b"\xc3\x28"


@pytest.mark.parametrize("line", SAVE.splitlines())
def test_the_grammar_reads_what_is_scanned(line):
    """Members are cut by the terminals alone; the grammar that puts them together must agree."""
    rule = line.split()[0]
    tree = grammar("ipset_save", rule).parse(line)
    words = [str(t) for t in tree.scan_values(lambda v: isinstance(v, str))]
    assert words[1] == line.split()[1]
    if rule == "add":
        (member,) = next(s for s in sets(f"{create_line(words[1])}\n{line}\n").values()).members()
        assert words[2] == member.text
        assert " ".join(words[3:]) == " ".join(line.split()[3:])


def create_line(name):
    return next(line for line in SAVE.splitlines() if line.startswith(f"create {name} "))


def test_real_dumps_are_read(shared_data):
    for kind in ("ipset-save", "ipset-list"):
        for path in sorted((shared_data / "dumps" / kind).iterdir()):
            found, problems = read_sets([Source.from_path(path)])
            assert problems == []
            assert found
            assert [d for s in found.values() for d in s.diagnostics] == []
