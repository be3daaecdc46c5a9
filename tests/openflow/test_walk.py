"""What a bridge does with a packet: tables, conjunctions, recirculation, groups; as a real ovs-vswitchd 3.1 said."""

import pytest

from ruleparse.spec import SpecError
from tests.bridges import ask, path, ports_of

WEB = "in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tcp_src=1000,tcp_dst=80"
CLAUSES = (
    "priority=100,ip,nw_src=10.0.0.1 actions=conjunction(1,1/2)\n"
    "priority=100,tcp,tp_dst=80 actions=conjunction(1,2/2)\n"
)


def one(flows: str, packet: str = WEB, groups: str = "") -> tuple[list[tuple[int | None, int | None]], list[int]]:
    answer = ask(flows, packet, groups)
    assert len(answer.outcomes) == 1
    return path(answer.outcomes[0]), ports_of(answer.outcomes)


CONJUNCTIONS = {
    "an ordinary flow wins a tie": (
        "priority=100,conj_id=1,ip actions=output:2\npriority=100,ip,nw_dst=10.0.0.2 actions=output:3",
        (100, [3]),
    ),
    "one between wins the second lookup": (
        "priority=10,conj_id=1,ip actions=output:2\npriority=50,ip,nw_dst=10.0.0.2 actions=output:3",
        (50, [3]),
    ),
    "the conj_id flow may be higher": (
        "priority=200,conj_id=1,ip actions=output:2\npriority=50,ip actions=output:3",
        (200, [2]),
    ),
    "without a conj_id flow any ordinary one": ("priority=1 actions=output:3", (1, [3])),
    "conj_id is 0 in an ordinary lookup": ("priority=150,conj_id=0,ip actions=output:5", (150, [5])),
}


@pytest.mark.parametrize("name", CONJUNCTIONS)
def test_conjunctions(name):
    flows, (priority, ports) = CONJUNCTIONS[name]
    assert one(CLAUSES + flows) == ([(0, priority)], ports)


def test_a_conjunction_that_lacks_a_clause_does_nothing():
    flows = "priority=100,conj_id=1,ip actions=output:2\npriority=1 actions=output:4"
    assert one(CLAUSES.replace("tp_dst=80", "tp_dst=81") + flows) == ([(0, 1)], [4])


def test_a_clause_that_makes_no_sense_may_be_anything():
    answer = ask("priority=9 actions=conjunction(1)\npriority=1 actions=output:4", WEB)
    assert [ports_of([o]) for o in answer.outcomes if not any(a.answer for a in o.assumptions)] == [[4]]
    assert [d.message for d in answer.diagnostics] == ["conjunction takes an id and a clause: conjunction(ID,K/N)"]


def test_where_nothing_else_matches_a_lower_conjunction_is_tried():
    lower = (
        "priority=90,ip,nw_src=10.0.0.0/24 actions=conjunction(2,1/2)\n"
        "priority=90,tcp,tp_dst=80/0xfff0 actions=conjunction(2,2/2)\n"
        "priority=90,conj_id=2,ip actions=output:2"
    )
    assert one(CLAUSES + lower) == ([(0, 90)], [2])


def test_flows_of_one_priority_that_both_match_are_told_apart():
    answer = ask("priority=5,tcp actions=output:2\npriority=5,ip actions=output:3\n", WEB)
    assert [ports_of([o]) for o in answer.outcomes] == [[2], [3]]
    assert [[a.answer for a in o.assumptions] for o in answer.outcomes] == [[True], [False]]


def test_of_two_flows_it_is_always_the_same_one():
    answer = ask(
        "priority=5,tcp actions=output:2,resubmit(,1)\npriority=5,ip actions=output:3,resubmit(,1)\n"
        "table=1,actions=resubmit(,0)",
        WEB,
    )
    assert len(answer.outcomes) == 2


def test_flows_of_one_priority_that_do_the_same_need_not_be():
    assert one("priority=5,tcp actions=output:2\npriority=5,ip actions=output:2\n")[1] == [2]


def test_a_later_flow_takes_the_place_of_the_same_match():
    assert one("priority=5,tcp actions=output:2\npriority=5,tcp actions=output:3\n")[1] == [3]


HIDES = "no flow on the way has write_actions or a meter, which OpenFlow 1.0 cannot show"


@pytest.mark.parametrize(
    ("header", "assumed"), [("NXST_FLOW reply (xid=0x4):", [HIDES]), ("OFPST_FLOW reply (OF1.5):", [])]
)
def test_openflow_1_0_hides_action_sets(header, assumed):
    answer = ask(f"{header}\n table=0, priority=1 actions=resubmit(,1)\n", WEB)
    assert [[a.question for a in o.assumptions] for o in answer.outcomes] == [assumed]


def test_a_missing_table_ends_its_branch_only():
    assert one("actions=resubmit(,9),output:2") == ([(0, 32768), (9, None)], [2])


def test_a_loop_drops_everything_that_was_sent():
    walked, ports = one("actions=output:2,resubmit(,0)")
    assert (len(walked), ports) == (65, [])


def test_many_resubmits_drop_everything():
    rows = [f"table={n} actions=resubmit(,{n + 1}),resubmit(,{n + 1})" for n in range(20)]
    walked, ports = one("\n".join([*rows, "table=20 actions=output:2"]))
    assert (len(walked), ports) == (4097, [])


@pytest.mark.parametrize("fragment", ["first", "later"])
def test_fragments_have_no_ports(fragment):
    flows = "priority=9,tcp,tp_dst=80 actions=output:2\npriority=8,tcp,tp_dst=0 actions=output:3"
    assert one(flows, f"in_port=1,tcp,tcp_dst=80,nw_frag={fragment}")[1] == [3]


def test_the_packet_itself_goes_on_untracked_before_its_copy_comes_back():
    flows = (
        "table=0,ip actions=load:1->NXM_NX_REG0[],ct(table=1,zone=5),load:2->NXM_NX_REG0[],resubmit(,2)\n"
        "table=1,ip,reg0=1 actions=output:2\ntable=1,ip,reg0=2 actions=output:4\n"
        "table=2,ip,ct_state=-trk actions=output:3"
    )
    assert one(flows) == ([(0, 32768), (2, 32768), (1, 32768)], [2, 3])


def test_states_are_used_up_in_the_order_of_recirculation():
    flows = (
        "table=0,ip actions=ct(table=1,zone=1)\ntable=1,ct_state=+est+trk,ip actions=ct(table=2,zone=2)\n"
        "table=2,ct_state=+new+trk,ip actions=output:3\ntable=2,priority=1 actions=output:2"
    )
    answer = ask(flows, WEB, ct_next=["trk,est"])
    assert ports_of(answer.outcomes) == [3]


HASHED = "type=select,selection_method=hash,fields(ip_src)"
GROUPS = {
    "buckets are apart": (
        "type=all,bucket=actions=set_field:7->reg0,resubmit(,1),bucket=actions=resubmit(,1),output:3",
        [[2, 3]],
    ),
    "weight 0 is never chosen": (f"{HASHED},bucket=weight:0,actions=output:2", [[]]),
    "by the hash of the packet": (
        f"{HASHED},bucket=bucket_id:0,weight:1,actions=output:2,bucket=bucket_id:1,weight:1,actions=output:3",
        [[3]],
    ),
    "by a hash of the datapath": (
        "type=select,bucket=weight:1,actions=output:2,bucket=weight:3,actions=output:3",
        [[], [2], [3]],
    ),
    "the first that is up": (
        "type=ff,bucket=watch_port:77,actions=output:2,bucket=watch_port:3,actions=output:3",
        [[3]],
    ),
    "within itself": ("type=all,bucket=actions=group:1", [[]]),
    "without a last action": ("type=all,bucket=actions=load:7->NXM_NX_REG0[]", [[]]),
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups(name):
    group, ports = GROUPS[name]
    answer = ask("actions=group:1\ntable=1,reg0=7 actions=output:2", WEB, f"group_id=1,{group}")
    assert sorted(ports_of([o]) for o in answer.outcomes) == ports


def test_the_shares_of_buckets_are_their_weights():
    group = "group_id=1,type=select,bucket=weight:1,actions=output:2,bucket=weight:3,actions=output:3"
    answer = ask("actions=group:1", WEB, group)
    assert {tuple(ports_of([o])): o.probability for o in answer.outcomes} == {(2,): 0.25, (3,): 0.75, (): 1.0}


def test_a_learning_switch_floods_what_it_is_presumed_not_to_know():
    answer = ask("actions=NORMAL", WEB + ",dl_dst=aa:bb:cc:dd:ee:02")
    assert [a.question for o in answer.outcomes for a in o.assumptions] == [
        "every port carries all VLANs (tag, trunks)",
        "the bridge has not learned where aa:bb:cc:dd:ee:02 is",
    ]
    (everywhere,) = ask("actions=NORMAL", WEB + ",dl_dst=ff:ff:ff:ff:ff:ff").outcomes
    assert [a.question for a in everywhere.assumptions] == ["every port carries all VLANs (tag, trunks)"]


def test_what_cannot_be_read_is_said_and_may_be_either_way():
    answer = ask("priority=9,nosuch=1 actions=output:3\npriority=1 actions=output:2,nosuch(1)", WEB)
    assert [d.severity for d in answer.diagnostics] == ["error", "error"]
    assert len(answer.outcomes) > 1


def test_names_of_ports_and_tables():
    flows = (
        ' in_port="eth0.100" actions=goto_table:"L3-Fwd table"\n'
        ' table="L3-Fwd table", actions=output:"vm-3",output:p9\n'
    )
    answer = ask(flows, 'in_port="eth0.100"', ports={"eth0.100": 1, "vm-3": 3})
    assert [(e.port, e.name) for e in answer.outcomes[0].egress] == [(3, "vm-3"), (None, "p9")]
    assert [(s.number, s.name) for s in answer.outcomes[0].steps] == [(0, None), (None, "L3-Fwd table")]


@pytest.mark.parametrize("packet", ["nosuch=1", "nw_src=10.0.0.0/8", "in_port=", "dl_src=1", "nw_src=10.0.0.256"])
def test_a_packet_that_makes_no_sense_is_said(packet):
    with pytest.raises(SpecError):
        ask("actions=drop", packet)


def test_a_state_that_there_is_not_is_said():
    with pytest.raises(SpecError):
        ask("actions=drop", WEB, ct_next=["tracked"])


@pytest.mark.parametrize(
    "groups",
    [
        "",
        "group_id=2,type=all,bucket=actions=output:2",
        "group_id=1,type=select,bucket=weight:-1,actions=output:2",
        "group_id=1,type=sel ect,bucket=actions=output:2",
        "group_id=1,type=select,selection_method=hash,selection_method_param=x,bucket=actions=output:2",
    ],
)
def test_what_a_group_does_that_cannot_be_read_is_open(groups):
    answer = ask("actions=group:1", WEB, groups)
    assert {o.verdict: [a.answer for a in o.assumptions] for o in answer.outcomes} == {
        "drop": [True],
        "accept": [False],
    }
    assert {a.settle for o in answer.outcomes for a in o.assumptions} == {"ovs-ofctl dump-groups"}
