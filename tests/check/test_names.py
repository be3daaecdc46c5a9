"""Expectations that speak of pods and services by their names."""

import json
from pathlib import Path

import pytest

from ruleparse.snapshot import load
from ruleparse.whereabouts import Nowhere, Whereabouts
from tests.command import run

ROOT = Path(__file__).parent.parent.parent
CORPORA = ROOT / "corpora"
NAMES = ROOT / "docs/kubectl-get.json"
NGINX = "nginx-7c5ddbdf54-4qj8n"
CALICO = {"in": "calia7a3e029a7b", "src": "10.244.1.10"}


@pytest.fixture(scope="module")
def named():
    return Whereabouts(load([CORPORA / "calico-after", NAMES]))


@pytest.fixture(scope="module")
def unnamed():
    return Whereabouts(load([CORPORA / "calico-after"]))


# Where things are


@pytest.mark.parametrize(
    ("text", "packets"),
    [
        ("pod default/client", [CALICO]),
        ("pod default/batch-0", [{"in": "tunl0", "src": "10.244.2.9"}]),
        ("pods default/team=blue", [CALICO, {"in": "tunl0", "src": "10.244.2.9"}]),
        ("pods default/run=client,team=blue", [CALICO]),
        ("pods kube-system", [{"in": "cali76bbb1eb541", "src": "10.244.1.2"}]),
        ("node", [{"local": "true"}]),
        ("10.0.0.0/8", [{"src": "10.0.0.0/8"}]),
    ],
)
def test_sources(named, text, packets):
    assert named.sources(text) == packets


@pytest.mark.parametrize(
    ("text", "packets"),
    [
        (f"pod default/{NGINX}", [{"dst": "10.244.1.11"}]),
        (f"pod default/{NGINX}:8080", [{"dst": "10.244.1.11", "proto": "tcp", "dport": "8080"}]),
        (f"pod default/{NGINX}:http", [{"dst": "10.244.1.11", "proto": "tcp", "dport": "80"}]),
        ("pod default/client:53/udp", [{"dst": "10.244.1.10", "proto": "udp", "dport": "53"}]),
        ("pod default/client:ssh", [{"dst": "10.244.1.10", "proto": "tcp", "dport": "22"}]),
        ("service default/nginx", [{"dst": "10.96.120.8", "proto": "tcp", "dport": "80"}]),
        ("service kube-system/kube-dns:dns", [{"dst": "10.96.0.10", "proto": "udp", "dport": "53"}]),
        ("service kube-system/kube-dns:9153", [{"dst": "10.96.0.10", "proto": "tcp", "dport": "9153"}]),
        ("node", [{"dst": "192.168.10.11"}, {"dst": "10.244.1.0"}]),
    ],
)
def test_targets(named, text, packets):
    assert named.targets(text) == packets


def test_a_service_has_all_its_ports(named):
    assert len(named.targets("service kube-system/kube-dns")) == 3


def test_endings(named):
    ends = ["10.244.1.11:80", "10.244.1.12:80"]
    assert sorted(named.endings("service default/nginx")) == ends
    assert sorted(f"{end}:80" for end in named.endings("pods default/app=nginx")) == ends
    assert named.endings("10.0.0.1:80") == ["10.0.0.1:80"]


def test_what_dumps_alone_tell(named, unnamed):
    for text in ("pod default/client", f"pod default/{NGINX}"):
        assert unnamed.sources(text) == named.sources(text)
    for text in ("service default/nginx", "service kube-system/kube-dns:dns", "service kube-system/kube-dns"):
        assert unnamed.targets(text) == named.targets(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pod default/cliemt", "there is default/client"),
        ("pod client", "a pod is NAMESPACE/NAME"),
        ("pod default/client:nosuch", "it has no port nosuch"),
        ("pods default/app", "NAMESPACE/LABEL=VALUE"),
        ("pods default/app=none", "nothing here says where that is"),
        ("service default/ngimx", "there is default/nginx"),
        ("service default/nginx:https", "nothing here says"),
    ],
)
def test_names_that_nothing_knows(named, text, said):
    with pytest.raises(Nowhere, match=said):
        named.targets(text)


def test_nobody_is_a_service(named):
    with pytest.raises(Nowhere, match="packets come from pods"):
        named.sources("service default/nginx")


def test_both_families():
    where = Whereabouts(load([CORPORA / "kube-proxy-dual-stack"]))
    assert {":" in packet["dst"] for packet in where.targets("service kube-system/kube-dns:dns")} == {False, True}


# Expectations


def expected(text):
    return f"expectations:\n  - {text}\n"


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)

    def ask(text, node, *words):
        (tmp_path / "e.yaml").write_text(text)
        return run("check", tmp_path / "e.yaml", CORPORA / node, NAMES, *words)

    return ask


CLIENT = "from: pod default/client"
BEFORE, AFTER, TEAM = "calico-before", "calico-after", "calico-allow-team"


@pytest.mark.parametrize(
    ("text", "node", "status"),
    [
        (f"{{{CLIENT}, to: service default/nginx, expect: accept}}", BEFORE, 0),
        (f"{{{CLIENT}, to: service default/nginx, expect: accept}}", AFTER, 1),
        (f"{{{CLIENT}, to: service default/nginx, expect: drop}}", AFTER, 0),
        (f"{{{CLIENT}, to: service default/nginx, expect: {{never: accept}}}}", AFTER, 0),
        (f"{{{CLIENT}, to: service default/nginx, expect: {{to: service default/nginx}}}}", BEFORE, 0),
        (f"{{{CLIENT}, to: service default/nginx, expect: {{to: pods default/app=nginx}}}}", BEFORE, 0),
        (f"{{{CLIENT}, to: service default/nginx, expect: {{to: pod default/{NGINX}}}}}", BEFORE, 1),
        (f"{{{CLIENT}, to: service default/nginx, expect: {{never: {{to: pod default/{NGINX}}}}}}}", BEFORE, 1),
        (f"{{{CLIENT}, to: service default/nginx, expect: {{never: {{to: pod default/client}}}}}}", BEFORE, 0),
        ("{from: pods default/team=blue, to: service default/nginx, expect: accept}", TEAM, 0),
        (f"{{from: pod default/{NGINX}, to: service default/nginx, expect: accept}}", TEAM, 1),
        ("{from: pods default, to: 'service kube-system/kube-dns:dns', expect: accept}", AFTER, 0),
        ("{from: node, to: service default/nginx, expect: accept}", AFTER, 0),
        (f"{{{CLIENT}, to: [pods default/app=nginx, 198.51.100.7], packet: {{proto: tcp}}, expect: accept}}", AFTER, 1),
        (f"{{{CLIENT}, to: 198.51.100.7, packet: {{proto: tcp}}, expect: {{out: eth0}}}}", AFTER, 0),
        ("{to: service default/nginx, packet: {in: eth0, src: 10.244.2.9}, expect: drop}", AFTER, 0),
    ],
)
def test_expectations_about_names(check, text, node, status):
    ran = check(expected(text), node)
    assert (ran.status, ran.err) == (status, "")


def test_rejects(tmp_path):
    text = expected("{from: 10.244.1.99, to: 'service shop/scaled-to-zero:http', packet: {in: cni0}, expect: reject}")
    (tmp_path / "e.yaml").write_text(text)
    assert run("check", tmp_path / "e.yaml", CORPORA / "kube-proxy-1.34").status == 0


def test_one_pair_of_many_is_enough_to_fail(check):
    text = expected("{from: pods default, to: service default/nginx, expect: accept}")
    found = json.loads(check(text, TEAM, "--format", "json").out)["results"][0]
    assert (found["status"], found["name"]) == ("fails", "from pods default to service default/nginx")
    assert found["because"] == ["2 of 4 pairs of ends are not as expected, this one among them"]
    assert found["witness"]["src"] in ("10.244.1.11", "10.244.1.12")


def test_no_pod_talks_to_itself_but_by_a_service(check):
    text = expected("{from: pods default/app=nginx, to: pods default/app=nginx, expect: {never: accept}}")
    found = json.loads(check(text, BEFORE, "--format", "json").out)["results"][0]
    assert found["because"] == ["2 of 2 pairs of ends are not as expected, this one among them"]
    text = expected("{from: pods default/app=nginx, to: service default/nginx, expect: {never: accept}}")
    assert "2 of 2" in check(text, BEFORE).out


WRONG = {
    "a-pod-that-is-none": "name: it\n    from: pod default/cliemt\n    to: service default/nginx\n    expect: accept",
    "a-service-that-is-none": "from: pod default/client\n    to: [node, service default/ngimx]\n    expect: accept",
    "an-endpoint-that-is-none": f"{CLIENT}\n    to: service default/nginx\n    expect:\n      to: pod default/nginx",
    "two-families": f"{CLIENT}\n    to: fd00::1\n    expect: accept",
    "no-packets": "name: it\n    expect: accept",
    "a-bridge-and-a-pod": f"{CLIENT}\n    packet: {{bridge: br-int, flow: tcp}}\n    expect: accept",
    "a-bridge-and-an-option": "packet: {bridge: br-int, flow: tcp, src: 10.0.0.1}\n    expect: accept",
    "no-such-flow": "packet: {flow: 'nosuch=1'}\n    expect: accept",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_has_a_place(check, golden, name):
    ran = check(expected(WRONG[name]), "antrea-2-after" if name == "no-such-flow" else AFTER)
    assert (ran.status, ran.out) == (2, "")
    golden(f"check/names/{name}.txt", "\n".join(line.rpartition("e.yaml")[2] for line in ran.err.splitlines()) + "\n")


FLOW = (
    "in_port=3,tcp,dl_src=02:50:d0:00:00:03,dl_dst=02:50:d0:00:00:04,nw_src=10.244.1.10,nw_dst=10.244.1.11,"
    "nw_ttl=64,tcp_dst=80"
)


@pytest.mark.parametrize(
    ("node", "expect", "status"),
    [
        ("antrea-before", "accept", 0),
        ("antrea-after", "accept", 1),
        ("antrea-after", "drop", 0),
        ("antrea-before", "{out: nginx-0-8a41d2}", 0),
        ("antrea-before", '{out: "4"}', 0),
        ("antrea-before", '{out: "5"}', 1),
        ("antrea-before", '{to: "10.244.1.11:80"}', 0),
        ("antrea-before", "{never: {to: 10.244.1.11}}", 1),
        ("antrea-after", "{never: accept}", 0),
    ],
)
def test_packets_in_a_bridge(check, node, expect, status):
    packet = f"packet: {{bridge: br-int, flow: '{FLOW}'}}"
    for words in ((), ("--format", "json"), ("--format", "junit"), ("--format", "github")):
        ran = check(expected(f"name: it\n    {packet}\n    expect: {expect}"), node, *words)
        assert (ran.status, ran.err) == (status, "")


WHOLE = "from: pod default/client, to: service default/nginx, packet: {sport: '40000'}"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (f"{{{WHOLE}, expect: drop}}", 0),
        (f"{{{WHOLE}, expect: accept}}", 1),
        ("{from: pod default/client, to: service default/nginx, expect: drop}", 1),
        ("{from: pod default/client, to: service default/nginx, expect: drop, assuming: true}", 0),
        ("{from: pod default/batch-0, to: service default/nginx, expect: drop}", 2),
    ],
)
def test_a_node_of_a_bridge_and_rules_is_walked_through_both(check, text, status):
    """Of source ports that nobody says one is walked, so that is not sure."""
    for words in ((), ("--format", "json"), ("--format", "junit"), ("--format", "github")):
        assert check(expected(text), "antrea-whole", *words).status == status


@pytest.mark.parametrize(
    ("expect", "status"),
    [
        ("{to: service default/nginx}", 0),
        ("{to: pod default/client}", 1),
        ('{out: "3"}', 1),
        ("{never: {out: eth0}}", 0),
    ],
)
def test_where_a_packet_leaves_a_bridge(check, expect, status):
    packet = "{in: friend-93be27, src: 10.244.1.13, sport: '40000', dst: 10.96.120.8, proto: tcp, dport: '80'}"
    assert check(expected(f"{{packet: {packet}, expect: {expect}}}"), "antrea-whole").status == status


def test_the_expectations_that_are_shown(monkeypatch):
    monkeypatch.chdir(ROOT)
    statuses = [run("check", "docs/expectations.yaml", CORPORA / n, NAMES).status for n in (BEFORE, AFTER, TEAM)]
    assert statuses == [1, 1, 0]
