"""The command line as a shell sees it: what it prints where, and how it ends."""

import json
import os
import subprocess
import sys

import pytest

from tests.command import run
from tests.places import CORPORA

DOCKER = CORPORA / "docker"
PACKET = ["--in", "eth0", "--src", "198.51.101.7", "--dst", "172.17.0.2", "--proto", "tcp", "--sport", "40000"]
JSON = {"in": "eth0", "src": "198.51.101.7", "dst": "172.17.0.2", "proto": "tcp", "sport": 40000}
ANSWERED, USAGE, UNREADABLE = 0, 2, 3

BROKEN = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 10.0.0.256/32 -j ACCEPT
here is no rule
COMMIT
"""


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.txt"
    path.write_text(BROKEN)
    return path


# How it ends


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["why", DOCKER, *PACKET, "--dport", "80"], ANSWERED, ""),
        (["why", DOCKER, *PACKET, "--dport", "81"], ANSWERED, ""),
        ([], USAGE, "Usage: ruleparse"),
        (["nothing"], USAGE, "No such command 'nothing'"),
        (["why"], USAGE, "Missing argument 'DUMP...'"),
        (["why", DOCKER, "--sorce", "1.2.3.4"], USAGE, "No such option"),
        (["why", DOCKER, "--src", "1.2.3"], USAGE, "ruleparse: --src 1.2.3: '1.2.3' is not an address"),
        (["why", DOCKER, "--dport", "80-70"], USAGE, "--dport 80-70"),
        (["why", DOCKER, "--format", "xml"], USAGE, "'xml' is not one of 'text', 'json', 'jsonl'"),
        (["why", DOCKER, *PACKET, "-o", "no/such/folder/answer"], USAGE, "no/such/folder/answer: No such file"),
        (["why", DOCKER, "--packets", "no-such-file"], USAGE, "no-such-file: No such file"),
        (["why", "no-such-file"], UNREADABLE, "ruleparse: no-such-file: No such file or directory"),
        (["why", DOCKER / "ip-route.txt"], UNREADABLE, "save `iptables-save`"),
        (["why", "-"], UNREADABLE, "no rules in -"),
        (["graph", DOCKER, "--focus", "NOTHING"], USAGE, "there is no chain, service, pod or policy NOTHING"),
        (["show", DOCKER, "NOTHING"], USAGE, "NOTHING is neither a file nor anything that is"),
        (["doc", "nothing"], USAGE, "nothing is called 'nothing'"),
        (["doc", "--schema", "nothing"], USAGE, "there is no JSON answer of 'nothing'"),
    ],
    ids=lambda value: " ".join(str(w).removeprefix(f"{CORPORA}/") for w in value) if isinstance(value, list) else None,
)
def test_how_it_ends(words, status, said):
    ran = run(*words)
    assert ran.status == status
    assert said in ran.err
    assert (ran.err == "") == (status == ANSWERED)
    assert (ran.out == "") == (status != ANSWERED)


@pytest.mark.parametrize("words", [[], ["why"], ["show"], ["graph"], ["doc"]], ids=str)
@pytest.mark.parametrize("help_", ["-h", "--help"])
def test_help_teaches(words, help_):
    ran = run(*words, help_)
    assert (ran.status, ran.err) == (ANSWERED, "")
    assert ran.out.startswith("Usage: ruleparse")
    assert max(map(len, ran.out.splitlines())) <= 100


def test_help_names_every_packet_option():
    listed = run("why", "--help").out
    options = (
        "in out local src dst proto sport dport icmp-type tcp-flags ctstate mark ttl tos length src-mac dst-mac family"
    )
    assert [name for name in options.split() if f"--{name} " not in listed] == []
    assert all(f" {option}" in listed for option in ("--format", "--output", "--quiet", "--verbose", "--packets"))


def test_it_says_its_version():
    assert run("--version").out.startswith("ruleparse, version ")


# What is wrong with the input


def test_a_wrong_line_is_shown_with_its_place(broken):
    ran = run("why", broken, *PACKET)
    assert ran.status == ANSWERED
    assert (
        f"{broken}:6:1: error: this line is not one of iptables-save [syntax]\n    here is no rule\n    ^^^^" in ran.err
    )
    assert f"{broken}:5:12: error: '10.0.0.256' is not an address [bad-value]\n" in ran.err
    line, caret = ran.err.partition("[bad-value]\n")[2].splitlines()[:2]
    assert line == "    -A FORWARD -s 10.0.0.256/32 -j ACCEPT"
    assert line[caret.index("^") : caret.rindex("^") + 1] == "-s 10.0.0.256/32"
    assert "provided that" in ran.out


def test_errors_are_said_even_when_quiet_and_warnings_are_not(tmp_path):
    cut = tmp_path / "cut.txt"
    cut.write_text(BROKEN.replace("COMMIT\n", ""))
    loud, quiet = run("why", cut, *PACKET), run("why", cut, *PACKET, "--quiet")
    assert "warning: table filter ends without COMMIT" in loud.err
    assert "warning" not in quiet.err
    assert "error: this line is not one of iptables-save" in quiet.err
    assert loud.out == quiet.out


def test_many_complaints_are_counted(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("*filter\n:FORWARD DROP [0:0]\n" + "nonsense\n" * 50 + "COMMIT\n")
    assert run("why", path, *PACKET).err.count("nonsense") == 20
    assert "and 30 more like these" in run("why", path, *PACKET).err


def test_a_file_that_is_none_of_the_dumps_is_left_out_with_a_word(tmp_path):
    (tmp_path / "iptables-save.txt").write_bytes((DOCKER / "iptables-save.txt").read_bytes())
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    ran = run("why", tmp_path, *PACKET, "--dport", "81")
    assert ran.status == ANSWERED
    assert f"{tmp_path / 'notes.txt'}: this is none of the dumps that are known" in ran.err


# Where dumps come from


def test_a_dump_from_standard_input():
    text = (DOCKER / "iptables-save.txt").read_bytes()
    words = [*PACKET, "--dport", "81", "--format", "json"]
    outcome = json.loads(run("why", "-", DOCKER / "ip-route.txt", *words, stdin=text).out)["outcomes"][0]
    assert outcome["verdict"] == "drop"
    assert outcome["decided_by"]["file"] == "<stdin>"


def test_files_one_by_one_are_the_folder():
    files = sorted(DOCKER.iterdir())
    words = [*PACKET, "--dport", "80", "--format", "json"]
    assert run("why", *files, *words) == run("why", *reversed(files), *words) == run("why", DOCKER, *words)


# Where answers go


@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
def test_an_answer_into_a_file(format_, tmp_path):
    words = ["why", DOCKER, *PACKET, "--dport", "80", "--format", format_]
    into = run(*words, "-o", tmp_path / "answer")
    assert (into.status, into.out, into.err) == (ANSWERED, "", "")
    assert (tmp_path / "answer").read_text() == run(*words).out == run(*words, "-o", "-").out


def test_nothing_is_written_beside_the_input(tmp_path):
    for path in DOCKER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")}
    for command in ("why", "show", "graph"):
        assert run(command, tmp_path, *(PACKET if command == "why" else [])).status == ANSWERED
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
def test_no_colour_off_a_terminal(format_):
    assert "\x1b" not in run("why", DOCKER, *PACKET, "--format", format_).out


def test_control_characters_of_a_dump_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "iptables-save.txt"
    rule = '-A FORWARD -m comment --comment "\x1b]0;gotcha\x07\x1b[31m" -j DROP\n'
    path.write_text(f"*filter\n:FORWARD ACCEPT [0:0]\n{rule}\x1b[2Jnonsense\nCOMMIT\n")
    ran = run("why", path, *PACKET, "--verbose")
    assert "gotcha" in ran.out
    assert "nonsense" in ran.err
    assert "\x1b" not in ran.out + ran.err
    assert "\x07" not in ran.out + ran.err


# Many packets


@pytest.fixture
def packets(tmp_path):
    path = tmp_path / "packets.jsonl"
    specs = [
        {"id": "web", **JSON, "dport": 80},
        {"id": 2, **JSON, "dport": 81},
        {**JSON, "in": "local", "src": "172.17.0.1"},
    ]
    path.write_text("\n\n".join(map(json.dumps, specs)) + "\n")
    return path


def test_many_packets_are_answered_in_order(packets):
    ran = run("why", DOCKER, "--packets", packets, "--format", "jsonl")
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [(a["id"], a["outcomes"][0]["verdict"]) for a in answers] == [
        ("web", "accept"),
        (2, "drop"),
        (None, "accept"),
    ]
    assert answers[2]["outcomes"][0]["steps"][0]["hook"] == "OUTPUT"


def test_one_of_many_is_answered_as_if_alone(packets):
    many = run("why", DOCKER, "--packets", packets, "--format", "jsonl").out.splitlines()
    alone = json.loads(run("why", DOCKER, *PACKET, "--dport", "80", "--format", "json").out)
    assert json.loads(many[0]) == {**alone, "id": "web"}


def test_options_hold_for_every_packet(packets):
    ran = run("why", DOCKER, "--packets", packets, "--format", "jsonl", "--sport", "99", "--ttl", "7")
    asked = [json.loads(line)["outcomes"][0]["steps"] for line in ran.out.splitlines()]
    alone = run("why", DOCKER, *PACKET, "--dport", "80", "--ttl", "7", "--format", "json")
    assert asked[0] == json.loads(alone.out)["outcomes"][0]["steps"]


def test_packets_from_standard_input(packets):
    ran = run("why", DOCKER, "--packets", "-", "--format", "jsonl", stdin=packets.read_bytes())
    assert ran.out == run("why", DOCKER, "--packets", packets, "--format", "jsonl").out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "2: not JSON"),
        ("[1]", "2: a packet is a JSON object"),
        ('{"dport": 99999}', "2: --dport 99999"),
        ('{"colour": "red"}', "2: 'colour' is not a packet option"),
    ],
)
def test_a_packet_that_makes_no_sense_ends_it_with_its_line(line, said, packets):
    first = packets.read_text().splitlines()[0]
    packets.write_text(f"{first}\n{line}\n")
    ran = run("why", DOCKER, "--packets", packets, "--format", "jsonl")
    assert ran.status == USAGE
    assert f"{packets}:{said}" in ran.err
    assert len(ran.out.splitlines()) == 1


# A real shell


def test_the_installed_command():
    words = [sys.executable, "-m", "ruleparse", "why", str(DOCKER), *PACKET, "--dport", "80"]
    ran = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"})
    assert "ACCEPTED, leaves by docker0" in ran.stdout
    assert ran.stderr == ""


def test_a_pipe_that_closes_early_is_no_error():
    words = [sys.executable, "-m", "ruleparse", "show", str(CORPORA / "kube-proxy-1.34"), "--format", "save"]
    shell = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert shell.stdout is not None
    assert shell.stderr is not None
    shell.stdout.close()
    assert shell.stderr.read() == b""
    shell.stderr.close()
    shell.wait()


def test_a_rule_of_ten_megabytes_is_not_echoed_whole():
    rule = f'-A FORWARD -m comment --comment "{"x" * 10_000_000}" -j DROP'
    ran = run(
        "why",
        "-",
        "--in",
        "eth0",
        "--dst",
        "172.17.0.2",
        stdin=f"*filter\n:FORWARD ACCEPT [0:0]\n{rule}\nCOMMIT\n".encode(),
    )
    assert len(ran.out) + len(ran.err) < 100_000


def test_long_lists_are_cut_unless_all_is_wanted(tmp_path):
    members = "".join(f"add S 10.{n}.0.1\n" for n in range(100))
    (tmp_path / "sets").write_text(f"create S hash:ip family inet\n{members}")
    text = b"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m set --match-set S src -j DROP\nCOMMIT\n"
    packet = (tmp_path / "sets", "--in", "eth0", "--dst", "172.17.0.2", "--proto", "tcp")
    assert "and 60 more (--verbose)" in " ".join(run("why", "-", *packet, stdin=text).out.split())
    assert "more (--verbose)" not in " ".join(run("why", "-v", "-", *packet, stdin=text).out.split())


PACKET_LINE = '{"src": "198.51.101.7", "dst": "172.17.0.2", "proto": "tcp", "dport": 80}\n'


def test_a_json_document_is_about_one_packet(tmp_path):
    packets = tmp_path / "packets.jsonl"
    packets.write_text(2 * PACKET_LINE)
    ran = run("why", DOCKER, "--in", "eth0", "--packets", packets, "--format", "json")
    assert (ran.status, ran.out) == (USAGE, "")
    assert "--format jsonl" in ran.err


def test_each_line_has_the_diagnostics_that_are_new(tmp_path):
    packets = tmp_path / "packets.jsonl"
    packets.write_text(2 * PACKET_LINE)
    text = b"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s nonsense -j DROP\nCOMMIT\n"
    ran = run("why", "-", "--in", "eth0", "--packets", packets, "--format", "jsonl", stdin=text)
    assert [[d["name"] for d in json.loads(line)["diagnostics"]] for line in ran.out.splitlines()] == [
        ["bad-value"],
        [],
    ]


def test_no_room_for_an_answer_names_the_line_and_what_would_help(tmp_path, monkeypatch, capsys):
    from ruleparse.cli import why as command

    def too_much(*_):
        raise MemoryError

    monkeypatch.setattr(command, "why", too_much)
    packets = tmp_path / "packets.jsonl"
    packets.write_text('{"src": "198.51.101.7", "proto": "tcp"}\n')
    with pytest.raises(SystemExit) as ended:
        command.command.main(["--packets", str(packets), str(DOCKER)], standalone_mode=False)
    assert ended.value.code == UNREADABLE
    assert f"{packets}:1: out of memory" in (err := capsys.readouterr().err)
    assert "--in, --dst, --sport, --dport" in err
