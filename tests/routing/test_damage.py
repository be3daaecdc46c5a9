"""Damaged dumps: readers take any text, and what they make of it can be walked."""

from hypothesis import given
from hypothesis import strategies as st

from ruleparse.evaluate import walk
from ruleparse.netfilter.ipset import read_sets
from ruleparse.routing import read_routing
from ruleparse.text import Source
from tests.places import CORPORA
from tests.routes import packet

NODE = CORPORA / "calico-dual-stack"
TEXTS = {
    kind: (NODE / f"{kind}.txt").read_text()[:3000]
    for kind in ("ip-route", "ip-rule", "ip-addr", "ip-link", "sysctl", "ipset-save")
}
SCRAPS = st.one_of(
    st.sampled_from(
        ["\n", "\\", "\r", " ", '"', "/", "99999", "-1", "::", "\udcff", "default", "nexthop ", "dev", "<", ":"]
    ),
    st.text(max_size=4),
)


@st.composite
def damaged(draw, text):
    """A text with pieces cut out, put in and moved."""
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 15)))
        match draw(st.sampled_from(["cut", "insert", "move", "end"])):
            case "cut":
                text = text[:start] + text[end:]
            case "insert":
                text = text[:start] + draw(SCRAPS) + text[start:]
            case "move":
                text = text[:start] + text[end:] + text[start:end]
            case "end":
                text = text[:start]
    return text


@given(st.fixed_dictionaries({kind: damaged(text) for kind, text in TEXTS.items() if kind != "ipset-save"}))
def test_routing(texts):
    routing = read_routing({kind: [Source(kind, text)] for kind, text in texts.items()})
    for family in (4, 6):
        tables = routing.tables(family)
        for entry in ("fib", "reverse fib", "address type", "masquerade", "redirect"):
            assert walk(tables, entry, packet(dst=0x0A000001, out="eth0", in_="eth0")).ends


@given(damaged(TEXTS["ipset-save"]))
def test_sets(text):
    found, _ = read_sets([Source("ipset-save", text)])
    for each in found.values():
        understood = sum(len(group.match.places) + len(group.nomatch.places) for group in each.index.groups)
        assert understood + len(each.diagnostics) <= len(list(each.members())) or "-" in text
