"""What holds of a set holds of each packet in it, and a witness is one for which the expectation does not hold."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.check.judging import judge
from ruleparse.check.model import Expectation
from ruleparse.check.reading import Placed
from ruleparse.snapshot import load
from ruleparse.text import Source, Span
from ruleparse.why import why

CORPORA = Path(__file__).parent.parent.parent / "corpora"
NODE = load([CORPORA / "calico-after"])
HOSTS = ("10.244.1.10", "10.244.1.11", "10.244.1.12", "10.244.1.21", "192.168.10.10", "198.51.100.7")
PORTS = (22, 80, 443, 8080)


def judged(packet, verdict):
    expectation = Expectation.model_validate({"name": "it", "packet": packet, "expect": verdict})
    span = Span(Source("e.yaml", " "), 0, 1)
    (found,) = judge(NODE, [Placed(expectation, span, {})])
    return found


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(PORTS), min_size=1, max_size=3, unique=True),
    st.sampled_from(["accept", "drop", "reject"]),
    st.sampled_from(["calia7a3e029a7b", "eth0"]),
)
def test_for_all(hosts, ports, verdict, interface):
    shared = {"in": interface, "src": "10.244.1.10", "proto": "tcp"}
    found = judged({**shared, "dst": ",".join(hosts), "dport": ",".join(map(str, ports))}, verdict)
    each = [why(NODE, {**shared, "dst": host, "dport": port}) for host in hosts for port in ports]
    verdicts = {o.verdict for answer in each for o in answer.outcomes}
    assert found.status == ("holds" if verdicts == {verdict} else "fails")
    if found.status == "fails":
        assert verdict not in {o.verdict for o in found.shown.outcomes}
        assert found.witness["dst"] in hosts
        assert int(found.witness["dport"]) in ports


@pytest.mark.parametrize("verdict", ["accept", "drop"])
def test_both_can_fail(verdict):
    packet = {"in": "calia7a3e029a7b", "src": "10.244.1.10", "dst": "10.244.1.11,198.51.100.7", "proto": "tcp"}
    assert judged(packet, verdict).status == "fails"
