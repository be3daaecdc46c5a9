"""Small random pipelines as Hypothesis draws them, and the packets that can tell them apart."""

from hypothesis import strategies as st

TABLES = (0, 10, 15, 20, 30)
LEAF = 15
"""Flows of the last table lead back to this one, which leads nowhere."""
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.0/30", "10.0.0.0/29")
ASKED = "tcp,nw_src=10.0.0.0/29,nw_dst=10.0.0.0/29,tp_dst=80/0xfffe"
MEMBERS = 8 * 8 * 2
"""How many packets that are, for each port."""

MATCHES = st.lists(
    st.one_of(
        st.builds("nw_src={}".format, st.sampled_from(ADDRESSES)),
        st.builds("nw_dst={}".format, st.sampled_from(ADDRESSES)),
        st.builds("in_port={}".format, st.integers(1, 3)),
        st.builds("reg0={}".format, st.sampled_from(["0", "1", "0x2/0x2"])),
        st.just("tp_dst=80"),
    ),
    max_size=2,
    unique_by=lambda word: word.split("=")[0],
).map(lambda words: ",".join(["tcp", *sorted(words)]))


def changes(table: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("load:{}->NXM_NX_REG0[0..1]".format, st.integers(0, 3)),
        st.builds("set_field:{}->nw_dst".format, st.sampled_from(ADDRESSES[:3])),
        st.builds("move:NXM_OF_IP_SRC[0..1]->NXM_NX_REG0[0..1]".format),
        st.just("dec_ttl"),
        st.builds("output:{}".format, st.integers(1, 4)),
        st.builds("clone(set_field:10.0.0.4->nw_src,output:{})".format, st.integers(1, 4)),
        *([st.builds("resubmit(,{})".format, st.sampled_from(later(table)))] if later(table) else []),
    )


def later(table: int) -> list[int]:
    return [other for other in TABLES if other > table != LEAF]


def ends(table: int) -> st.SearchStrategy[str]:
    outputs = st.builds("output:{}".format, st.integers(1, 4))
    if table == LEAF:
        return st.one_of(outputs, st.just("drop"))
    if not later(table):
        return st.one_of(outputs, st.sampled_from(["drop", "NORMAL", "resubmit(,15)", "output:NXM_NX_REG0[0..1]"]))
    on = st.sampled_from(later(table))
    goes_on = st.one_of(
        st.builds("resubmit(,{})".format, on),
        st.builds("goto_table:{}".format, on),
        st.builds("ct(table={})".format, on),
        st.builds("ct(commit,table={},nat(dst=10.0.0.2:81))".format, on),
    )
    return st.one_of(goes_on, goes_on, outputs, st.sampled_from(["drop", "group:1", "group:2", "conjunction(1,1/2)"]))


@st.composite
def flow(draw: st.DrawFn, table: int) -> str:
    head = f"table={table}, priority={draw(st.integers(1, 4))},{draw(MATCHES)}"
    end = draw(ends(table))
    if end.startswith("conjunction"):
        return f"{head} actions=conjunction(1,{draw(st.integers(1, 2))}/2)"
    before = draw(st.lists(changes(table), max_size=2)) if end != "drop" else []
    return f"{head} actions={','.join([*before, end])}"


def head(text: str) -> str:
    """Table, priority and match: of two flows that have the same the later takes the place of the earlier."""
    return text.partition(" actions=")[0]


LED_TO = "table=10,conj_id=1 actions=output:4"
FLOWS = st.tuples(*(st.lists(flow(table), min_size=1, max_size=4, unique_by=head) for table in TABLES)).map(
    lambda tables: [*(one for flows in tables for one in flows), LED_TO]
)
"""Flows of a bridge, a line each."""

GROUPS = (
    "group_id=1,type=select,bucket=weight:100,actions=load:1->NXM_NX_REG0[0..1],resubmit(,30),"
    "bucket=weight:50,actions=output:2\n"
    "group_id=2,type=all,bucket=actions=output:1,bucket=actions=set_field:10.0.0.7->nw_dst,output:2\n"
)
