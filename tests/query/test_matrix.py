"""`query --matrix`: who reaches whom, as exact as `query` about the same packets."""

import json
from typing import Any

import pytest

import ruleparse
from ruleparse.report.schema import MatrixJson
from tests.command import run
from tests.complete import POLICY, SETTINGS

ALLOW_TEAM = "corpora/calico-allow-team"
WEB: dict[str, Any] = {"proto": "tcp", "dport": 80}


@pytest.fixture(autouse=True)
def here(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="module")
def node(request):
    return ruleparse.load(request.config.rootpath / ALLOW_TEAM)


@pytest.fixture(scope="module")
def answer(node):
    return node.matrix(**WEB)


def called(party):
    return " ".join(filter(None, (party.kind, party.where, party.name, party.remark)))


NGINX, OTHER, DNS, CLIENT = (
    "pod 10.244.1.11 default/nginx",
    "pod 10.244.1.12 default/nginx",
    "pod 10.244.1.2 kube-system/kube-dns",
    "pod 10.244.1.10 namespace default",
)
SERVICE, TUNNEL, HERE = "service 10.96.120.8:80 default/nginx", "network 10.244.0.0/24 and 1 more by tunl0", "node"
OUTSIDE = "outside other addresses"


def cell_of(answer, source, target):
    at = {called(party): index for index, party in enumerate(answer.parties)}
    at[HERE] = next(index for name, index in at.items() if name.startswith(HERE))
    return answer.cells.get((at[source], at[target]))


def verdict(answer, source, target):
    cell = cell_of(answer, source, target)
    return None if cell is None else cell.verdict


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (CLIENT, NGINX, "accept"),
        (DNS, NGINX, "drop"),
        (OTHER, NGINX, "drop"),
        (NGINX, NGINX, None),
        (CLIENT, SERVICE, "accept"),
        (DNS, SERVICE, "drop"),
        (TUNNEL, NGINX, "partly"),
        (TUNNEL, DNS, "accept"),
        (OUTSIDE, NGINX, "drop"),
        (OUTSIDE, OUTSIDE, "accept"),
        (HERE, NGINX, "accept"),
    ],
)
def test_cells(answer, source, target, expected):
    assert verdict(answer, source, target) == expected


def test_a_cell_is_what_query_says_of_its_packets(node, answer):
    asked = 0
    for cell in answer.cells.values():
        source, target = answer.parties[cell.source], answer.parties[cell.target]
        if source.kind == "pod" and target.kind == "pod":
            packet = {"in_": source.interfaces[0], "src": source.where, "dst": target.where}
            assert {met.verdict for met in cell.fates} == {s.verdict for s in node.query(**WEB, **packet).sets}
            asked += 1
    assert asked == 4 * 3


def test_every_fate_has_a_packet_of_its_cell_that_walks_to_it(node, answer):
    for cell in answer.cells.values():
        for met in cell.fates:
            told = {
                (o.verdict, o.egress, o.reason, o.decided_by and o.decided_by.line)
                for o in node.why(**met.witness).outcomes
            }
            assert (met.verdict, met.egress, met.reason, met.decided_by and met.decided_by.line) in told


def test_partly_says_for_whom(answer):
    cell = cell_of(answer, TUNNEL, NGINX)
    assert cell.fates[0].when == [{"in": "tunl0", "src": "10.244.2.9", "dst": "10.244.1.11"}]
    assert [met.decided_by.chain for met in cell.fates] == ["FORWARD", "cali-tw-calic3082fc375c"]


def test_a_narrower_question_has_fewer_parties(node):
    answer = node.matrix(**WEB, dst="10.244.1.11", in_="tunl0")
    assert {(called(answer.parties[i]), called(answer.parties[j])) for i, j in answer.cells} == {
        ("endpoint 10.244.0.2 kube-system/kube-dns", NGINX),
        (TUNNEL, NGINX),
    }


def test_pods_have_the_names_that_kubectl_knows():
    answer = ruleparse.load(ALLOW_TEAM, "docs/kubectl-get.json").matrix(**WEB, dst="10.244.1.0/24")
    pods = {party.where: (party.name, party.remark) for party in answer.parties if party.kind == "pod"}
    assert pods["10.244.1.10"] == ("default/client", None)
    assert pods["10.244.1.11"] == ("default/nginx-7c5ddbdf54-4qj8n", "of default/nginx")


def save(path, filters):
    (path / "iptables-save.txt").write_text(f"*filter\n:FORWARD ACCEPT [0:0]\n{filters}\nCOMMIT\n")
    (path / "ip-rule.txt").write_text(POLICY)
    (path / "sysctl.txt").write_text(SETTINGS)
    (path / "ip-route.txt").write_text(
        "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0 scope link\n"
        + "".join(f"10.0.0.{n} dev cali{n:011x} scope link\n" for n in range(2, 6))
    )
    (path / "ip-addr.txt").write_text(
        "2: eth0: <UP> mtu 1500\n    inet 192.0.2.9/24 scope global eth0\n"
        + "".join(f"{n}: cali{n:011x}@if3: <UP> mtu 1500\n" for n in range(3, 7))
        + "3: cali00000000002@if3: <UP> mtu 1500\n"
    )
    return ruleparse.load(path)


def test_an_open_question_is_depends_and_named(tmp_path):
    answer = save(tmp_path, "-A FORWARD -s 10.0.0.2 -m set --match-set friends dst -j DROP").matrix(**WEB)
    assert verdict(answer, "pod 10.0.0.2", "pod 10.0.0.3") == "depends"
    assert verdict(answer, "pod 10.0.0.4", "pod 10.0.0.3") == "accept"
    cell = cell_of(answer, "pod 10.0.0.2", "pod 10.0.0.3")
    assert {(met.verdict, a.answer) for met in cell.fates for a in met.assumptions} == {
        ("drop", True),
        ("accept", False),
    }


def test_chance_is_depends_with_its_odds(tmp_path):
    half = "-A FORWARD -s 10.0.0.2 -m statistic --mode random --probability 0.5 -j DROP"
    answer = save(tmp_path, half).matrix(**WEB)
    cell = cell_of(answer, "pod 10.0.0.2", "pod 10.0.0.3")
    assert cell.verdict == "depends"
    assert [(met.verdict, met.probability) for met in cell.fates] == [("accept", 0.5), ("drop", 0.5)]


def test_who_is_left_out_is_said(tmp_path):
    answer = save(tmp_path, "").matrix(most=1, **WEB)
    assert [p.kind for p in answer.parties] == ["pod", "node", "network", "outside"]
    assert "3 more pods are left out (--most 4 takes them)" in answer.notes


def test_without_routes_nobody_is_known_and_that_is_said(tmp_path):
    (tmp_path / "rules.txt").write_text("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n")
    answer = ruleparse.load(tmp_path).matrix(**WEB)
    assert [p.kind for p in answer.parties] == ["outside"]
    assert any("save `ip route show table all`" in note for note in answer.notes)


@pytest.mark.parametrize(("name", "columns"), [("wide", "190"), ("narrow", "100"), ("list", "60")])
def test_text(golden, monkeypatch, name, columns):
    monkeypatch.setenv("COLUMNS", columns)
    ran = run("query", ALLOW_TEAM, "--matrix", "--proto", "tcp", "--dport", "80")
    assert (ran.status, ran.err) == (0, "")
    golden(f"query/matrix-{name}.txt", ran.out)
    assert max(map(len, ran.out.splitlines())) <= int(columns)


def test_markdown(golden):
    ran = run("query", ALLOW_TEAM, "--matrix", "--proto", "tcp", "--dport", "80", "--format", "markdown")
    golden("query/matrix.markdown.txt", ran.out)


def test_verbose_tells_each_party_by_itself():
    ran = run("query", ALLOW_TEAM, "--matrix", "--proto", "tcp", "--dport", "80", "--verbose")
    assert "\nfrom pod default/nginx 10.244.1.12\n" in ran.out


def test_json_keeps_to_its_schema_and_jsonl_is_its_cells():
    from pydantic import TypeAdapter

    words = ("query", ALLOW_TEAM, "--matrix", "--proto", "tcp", "--dport", "80")
    answer = TypeAdapter(MatrixJson).validate_json(run(*words, "--format", "json").out, strict=True)
    assert answer["schema"] == "ruleparse/matrix/1"
    assert [json.loads(line) for line in run(*words, "--format", "jsonl").out.splitlines()] == answer["cells"]
    assert all(fate["decided_by"] or fate["reason"] for cell in answer["cells"] for fate in cell["fates"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--matrix", "--verdict", "drop"], "--matrix shows every fate"),
        (["--format", "markdown"], "--format markdown is for --matrix"),
        (["--matrix", "--dst", "nonsense"], "nonsense"),
    ],
)
def test_wrong_usage(words, complaint):
    ran = run("query", ALLOW_TEAM, *words)
    assert (ran.status, ran.out) == (2, "")
    assert complaint in ran.err


def test_a_service_of_a_protocol_that_there_is_not_is_left_out():
    called = '-m comment --comment "shop/web cluster IP"'
    rule = f"-A KUBE-SERVICES -d 10.96.0.9/32 -p {{}} {called} -m tcp --dport 80 -j KUBE-SVC-A"
    chains = ":PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-SVC-A - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n"
    for protocol, listed in (("tcp", True), ("txp", False)):
        dump = f"*nat\n{chains}{rule.format(protocol)}\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
        ran = run("query", "-", "--matrix", "--dport", "80", stdin=dump.encode())
        assert ran.status == 0, ran.err
        assert ("shop/web" in ran.out) == listed
