"""Names from `kubectl` are said, and change nothing else."""

import json
from pathlib import Path

import pytest

from ruleparse.snapshot import load
from tests.command import run

ROOT = Path(__file__).parent.parent.parent
CORPORA = ROOT / "corpora"
NAMES = ROOT / "docs/kubectl-get.json"
HOSTS = ("10.244.1.10", "10.244.1.11", "10.96.120.8", "10.96.0.10", "10.244.2.9", "198.51.100.7")
WORDS = {"says", "explanation", "names", "diagnostics"}
FLOW = (
    "in_port=3,tcp,dl_src=02:50:d0:00:00:03,dl_dst=02:50:d0:00:00:04,nw_src=10.244.1.10,nw_dst=10.244.1.11,"
    "nw_ttl=64,tcp_dst=80"
)


def without_words(value):
    if isinstance(value, dict):
        return {k: without_words(v) for k, v in value.items() if k not in WORDS}
    return [without_words(v) for v in value] if isinstance(value, list) else value


@pytest.fixture
def packets(tmp_path):
    lines = [
        {"in": interface, "src": source, "dst": host, "proto": proto, "dport": port}
        for interface, source in (("calia7a3e029a7b", "10.244.1.10"), ("eth0", "10.244.2.9"))
        for host in HOSTS
        for proto, port in (("tcp", 80), ("udp", 53), ("tcp", "1-1000"))
    ]
    (tmp_path / "packets").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "packets"


@pytest.mark.parametrize(
    "node", ["calico-after", "calico-allow-team", "calico-3.16", "kube-proxy-1.34", "kube-proxy-ipvs"]
)
def test_no_verdict_depends_on_them(node, packets):
    words = ["--packets", packets, "--format", "jsonl"]
    plain, named = (run("why", CORPORA / node, *more, *words) for more in ((), (NAMES,)))
    assert plain.status == named.status == 0
    assert plain.out != named.out
    for one, other in zip(plain.out.splitlines(), named.out.splitlines(), strict=True):
        assert without_words(json.loads(one)) == without_words(json.loads(other))


CLIENT = ["--src", "10.244.1.10", "--in", "calia7a3e029a7b"]
DNS = ["--src", "10.244.1.2", "--in", "cali76bbb1eb541"]
OTHER = ["--src", "10.244.1.99", "--in", "cni0"]


@pytest.mark.parametrize(
    ("node", "source", "dst", "said"),
    [
        ("calico-after", CLIENT, "10.244.1.11", "Pod default/nginx-7c5ddbdf54-4qj8n"),
        ("calico-after", CLIENT, "10.96.120.8", "10.96.120.8 is service default/nginx"),
        ("calico-3.16", CLIENT, "10.244.1.11", "NetworkPolicy default/allow-team accepts it"),
        ("calico-3.16", DNS, "10.244.1.11", "(NetworkPolicy default/allow-team and NetworkPolicy default/deny-nginx)"),
        ("kube-proxy-1.34", OTHER, "10.96.120.8", "10.244.1.12:80 (pod default/nginx-7c5ddbdf54-w2m6t)"),
        ("kube-proxy-ipvs", OTHER, "10.96.120.8", "an endpoint of service default/nginx"),
    ],
)
def test_what_is_said(node, source, dst, said):
    packet = [*source, "--dst", dst, "--proto", "tcp", "--dport", "80"]
    assert said in " ".join(run("why", CORPORA / node, NAMES, *packet).out.split())
    assert said not in " ".join(run("why", CORPORA / node, *packet).out.split())


def test_pods_behind_ports_of_a_bridge():
    words = ["--bridge", "br-int", "--flow", FLOW]
    out = " ".join(run("why", CORPORA / "antrea-after", NAMES, *words).out.split())
    assert "pod default/nginx-7c5ddbdf54-4qj8n (port 4) is isolated by a NetworkPolicy" in out
    assert "from pod default/client (port 3)" in out
    plain, named = (run("why", CORPORA / "antrea-after", *more, *words, "--format", "json") for more in ((), (NAMES,)))
    assert without_words(json.loads(plain.out)) == without_words(json.loads(named.out))


def test_show_has_names():
    out = run("show", CORPORA / "antrea-2-after", NAMES).out
    assert "4 nginx-0-8a41d2 10.244.1.11 (pod default/nginx-7c5ddbdf54-4qj8n): isolated for ingress" in out
    assert "default/nginx tcp: service address 10.96.120.8:80" in out
    assert (
        "kube-system/kube-dns:dns udp: virtual server 10.96.0.10:53"
        in run("show", CORPORA / "kube-proxy-ipvs", NAMES).out
    )


def test_a_broken_file_is_told_and_the_rest_is_answered(tmp_path):
    (tmp_path / "k.json").write_text('{"kind": "List", "items": [')
    ran = run("show", CORPORA / "calico-after", tmp_path / "k.json")
    assert ran.status == 0
    assert f"{tmp_path / 'k.json'}:1:28: error: not JSON" in ran.err
    assert "services (5)" in ran.out


def test_no_such_file_is_no_cluster():
    assert load([CORPORA / "docker"]).cluster is None
