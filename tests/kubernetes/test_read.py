"""What `kubectl get -o json` printed: what is found in it, and what is wrong with it, at which place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleparse.kubernetes.places import place
from ruleparse.kubernetes.read import read
from ruleparse.sniff import kind_of
from ruleparse.text import Source

ROOT = Path(__file__).parent.parent.parent
GIVEN = (ROOT / "docs/kubectl-get.json").read_text()
ITEMS = json.loads(GIVEN)["items"]


def found(*texts):
    cluster, problems = read([Source(f"{n}.json", text) for n, text in enumerate(texts)])
    assert problems == []
    return cluster


# What is found


def test_a_list():
    cluster = found(GIVEN)
    assert [p.full_name for p in cluster.pods if p.namespace == "kube-system"] == [
        "kube-system/coredns-5d78c9869d-7xk2p"
    ]
    assert cluster.named("10.244.1.10") == "pod default/client"
    assert cluster.named("10.96.120.8") == "service default/nginx"
    assert cluster.port_at("10.96.0.10", "udp", 53) == "kube-system/kube-dns:dns"
    assert cluster.port_at("10.96.0.10", "udp", 54) is None
    assert [p.name for p in cluster.policies] == ["allow-team", "deny-nginx"]
    assert cluster.namespaces["default"]["kubernetes.io/metadata.name"] == "default"


def typed(kind):
    """As `kubectl get --raw` and the API print a list: its items do not say their kind."""
    items = [
        {k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in ITEMS if item["kind"] == kind
    ]
    return json.dumps({"kind": f"{kind}List", "apiVersion": "v1", "items": items})


@pytest.mark.parametrize(
    "texts",
    [
        ["\n".join(map(json.dumps, ITEMS))],
        list(map(json.dumps, ITEMS)),
        [json.dumps(ITEMS[0]), json.dumps({"kind": "List", "items": ITEMS[1:]}, indent=1)],
        [typed(kind) for kind in ("Pod", "Service", "Namespace", "NetworkPolicy")],
        [json.dumps({"kind": "List", "items": [{"kind": "List", "items": ITEMS}]})],
    ],
    ids=["one after the other", "files", "both", "typed lists", "a list in a list"],
)
def test_in_whatever_way_they_come(texts):
    assert found(*texts) == found(GIVEN)
    assert {kind_of(text) for text in texts} == {"kubernetes"}


SLICE = {
    "kind": "EndpointSlice",
    "metadata": {"name": "x-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "x"}},
    "addressType": "IPv4",
    "endpoints": [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.3"], "conditions": {}},
    ],
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
}
ENDPOINTS = {
    "kind": "Endpoints",
    "metadata": {"name": "x", "namespace": "shop"},
    "subsets": [
        {
            "addresses": [{"ip": "10.0.0.1"}],
            "notReadyAddresses": [{"ip": "10.0.0.2"}],
            "ports": [{"port": 53, "protocol": "UDP"}],
        }
    ],
}


def test_endpoints():
    (sliced,) = found(json.dumps(SLICE)).endpoints_of("shop/x")
    assert (sliced.addresses, sliced.ports[0].number) == (("10.0.0.1", "10.0.0.3"), 8080)
    (old,) = found(json.dumps(ENDPOINTS)).endpoints_of("shop/x")
    assert (old.addresses, old.ports[0].protocol) == (("10.0.0.1",), "udp")


def pod(**status):
    return {"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": []}, "status": status}


def test_whose_address_it_is():
    assert found(json.dumps(pod(podIP="10.0.0.1", phase="Running"))).named("10.0.0.1") == "pod n/p"
    assert found(json.dumps(pod(podIP="10.0.0.1", phase="Succeeded"))).named("10.0.0.1") is None
    assert found(json.dumps(pod(podIP="10.0.0.1", podIPs=[{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]))).named("fd00:0::1")
    on_host = pod(podIP="192.0.2.1") | {"spec": {"hostNetwork": True}}
    assert found(json.dumps(on_host)).named("192.0.2.1") is None
    headless = {"kind": "Service", "metadata": {"name": "h"}, "spec": {"clusterIP": "None"}}
    assert found(json.dumps(headless)).services[0].addresses == ()


def test_other_kinds_are_passed_over():
    assert found(json.dumps({"kind": "Deployment", "metadata": 3})) == found("{}") == found("")


# What is wrong

WRONG = {
    "no-json": '{"kind": "List", "items": [\n  {"kind": }\n]}',
    "a-port-that-is-a-text": GIVEN.replace('"containerPort": 80', '"containerPort": "80"', 1),
    "a-port-too-high": GIVEN.replace('"port": 9153', '"port": 99153', 1),
    "no-name": json.dumps({"kind": "Pod", "metadata": {"namespace": "n"}}, indent=1),
    "a-list-of-numbers": json.dumps({"kind": "List", "items": [ITEMS[0], 7]}, indent=1),
    "a-kind-that-is-a-number": '{"kind": 5}',
    "cut-short": GIVEN[:400],
    "second-document": json.dumps(ITEMS[0]) + '\n{"kind": "Service", "metadata": [],\n "spec": {}}',
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_has_a_place(golden, name):
    _, problems = read([Source("kubectl-get.json", WRONG[name])])
    golden(f"kubernetes/{name}.txt", "\n".join(d.render() for d in problems) + "\n")


def test_what_is_right_beside_it_is_read():
    cluster, problems = read([Source("g", WRONG["a-port-that-is-a-text"])])
    assert len(problems) == 1
    assert len(cluster.pods) == 4


def test_many_problems_are_counted():
    _, problems = read([Source("g", json.dumps({"kind": "List", "items": [1] * 100}))])
    assert len(problems) == 21
    assert "80 more" in problems[-1].message


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"kind": "List", "items": [' * 3000, "1" * 10_000])
def test_hostile_texts_are_told(text):
    _, problems = read([Source("g", text)])
    assert problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def paths(value, path=()):
    yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield from paths(inner, (*path, key))


@given(JSON, st.sampled_from([None, 1, "\t"]), st.sampled_from(["", " \n", '{"kind": 1}\n']))
def test_every_value_has_its_place(value, indent, before):
    text = before + json.dumps(value, indent=indent)
    for path, inner in paths(value):
        start, end = place(text, len(before), path)
        assert json.JSONDecoder().raw_decode(text, start)[0] == inner
        assert "\n" not in text[start:end]
        assert start < end


def test_of_a_key_that_stands_there_twice_the_last_counts():
    text = '{"a": 1, "b": 2, "a": 3}'
    start, end = place(text, 0, ["a"])
    assert text[start:end] == str(json.loads(text)["a"])


@given(JSON)
def test_a_value_that_is_not_there_has_the_place_around_it(value):
    text = json.dumps(value)
    assert place(text, 0, ("none such", 99)) == place(text, 0, ())
