"""Damaged dumps: every reader takes any text, and keeps what it can."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleparse.netfilter.ipset import read_sets
from ruleparse.routing import read_routing
from ruleparse.text import Source
from tests.routing import packet
from ruleparse.evaluate import walk

NODE = Path(__file__).parent.parent / "corpora" / "calico-dual-stack"
KINDS = {"ip-route": "ip-route.txt", "ip-rule": "ip-rule.txt", "ip-addr": "ip-addr.txt", "ip-link": "ip-link.txt", "sysctl": "sysctl.txt"}
