"""Ways back of IPv6 packets; tests/oracle/test_conversations.py asks a kernel, too."""

import pytest

from tests.netfilter.test_conntrack6 import router
from tests.oracle import wire

WAYS_BACK = [
    ("fd00::9", "", True),
    ("2001:db8::9", "", False),
    ("2001:db8::9", "--loose", True),
    ("3fff::9", "--loose", True),
    ("fd00::1", "", False),
    ("fd00::1", "--accept-local", True),
    ("fe80::9", "", False),
    ("fe80::9", "--loose", False),
    ("::", "", True),
]
"""Sources of packets that come in by eth1, which has no route to link-local addresses; whether rpfilter takes them."""


def from_eth1(source: str) -> wire.Packet:
    return wire.Packet(source, "fd00::1", wire.UDP, "eth1", sport=1000, dport=53)


@pytest.mark.parametrize(("source", "options", "expected"), WAYS_BACK, ids=str)
def test_which_way_back_is_good_enough(source, options, expected, tmp_path):
    node = router(tmp_path, f"raw PREROUTING -m rpfilter {options}")
    (outcome,) = node.why(in_="eth1", hex=from_eth1(source).encode().hex()).outcomes
    assert expected is (1 in [s.place.rule for s in outcome.steps if s.place.table == "raw"])
