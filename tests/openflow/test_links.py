"""Which link or port a packet gets where a hash or what is up decides: as a real ovs-vswitchd 3.1 chose."""

import tomllib

import pytest

from ruleparse.spec import SpecError
from ruleparse.why_bridge import why_bridge
from tests.bridges import SIX, ask, ports_of, show, snapshot
from tests.places import TABLES

TABLE = tomllib.loads((TABLES / "link_hashes.toml").read_text("utf-8"))
CHOICES = ("modulo_n,7,0", "hash_threshold,7,0", "hrw,7,0", "iter_hash,7,0", "iter_hash,7,9")
WEB = (
    "in_port=1,tcp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,"
    "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tcp_src=1000,tcp_dst=80"
)
BUILT = "the switch mixes bits as builds without CRC instructions do, for the hash that "
FIRST_UP = "group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3"


@pytest.mark.parametrize("fields", TABLE["links"])
def test_multipath(fields):
    for name, links in TABLE["links"][fields].items():
        for choice, link in zip(CHOICES, links, strict=True):
            flows = f"actions=multipath({fields},50,{choice},NXM_NX_REG0[]),resubmit(,1)\n" + "".join(
                f"table=1,reg0={n} actions=load:{n + 10}->NXM_NX_PKT_MARK[],output:2\n" for n in range(7)
            )
            (outcome,) = ask(flows, TABLE["packets"][name]).outcomes
            assert outcome.packet["mark"] == link + 10, (name, choice)


@pytest.mark.parametrize("fields", TABLE["bundles"])
def test_bundle(fields):
    chosen = []
    for members in ("2,3,4", "2,3,4,5,6"):
        (outcome,) = ask(f"actions=bundle({fields},7,hrw,ofport,members:{members})", WEB).outcomes
        chosen += ports_of([outcome])
    assert chosen == TABLE["bundles"][fields]


def test_what_depends_on_how_the_switch_was_built_is_said():
    def told(what):
        return [a.question for o in ask(f"actions={what},output:2", WEB).outcomes for a in o.assumptions]

    assert told("multipath(symmetric_l4,0,modulo_n,3,0,NXM_NX_REG0[])") == []
    assert told("multipath(symmetric_l4,0,hrw,3,0,NXM_NX_REG0[])") == [BUILT + "multipath takes"]
    assert told("multipath(symmetric_l3l4,0,modulo_n,3,0,NXM_NX_REG0[])") == [BUILT + "multipath takes"]
    assert told("bundle(eth_src,0,active_backup,ofport,members:2,3)") == []


@pytest.mark.parametrize(("down", "port"), [((), [2]), ((2,), [3]), ((2, 3), [])])
def test_what_is_down_is_passed_over(down, port):
    """Nothing but these look at that: other outputs go to ports that are down, too."""
    ports = show(SIX)
    for number in down:
        up = f" {number}(p{number}): addr:aa:55:aa:55:00:00\n     config:     0\n     state:      LIVE\n"
        assert up in ports
        ports = ports.replace(up, up.replace("LIVE", "LINK_DOWN"))
    assert [ports_of(ask("actions=group:1", WEB, FIRST_UP, shown=ports).outcomes)] == [port]
    bundle = "actions=bundle(eth_src,50,active_backup,ofport,members:2,3)"
    assert [ports_of(ask(bundle, WEB, shown=ports).outcomes)] == [port]
    assert ports_of(ask("actions=output:2,output:3", WEB, shown=ports).outcomes) == [2, 3]


def test_what_is_up_is_a_question_where_no_ports_were_saved():
    outcomes = ask("actions=group:1", WEB, FIRST_UP, ports={}).outcomes
    assert {(tuple(ports_of([o])), o.assumptions[0].answer) for o in outcomes} >= {((2,), True), ((3,), False)}


LARGER = "table=0 actions=check_pkt_larger(1514)->NXM_NX_REG0[0],resubmit(,1)\ntable=1,reg0=1 actions=output:2\n"


@pytest.mark.parametrize(("length", "tag", "ports"), [(1501, "", [2]), (1500, "", []), (1497, ",dl_vlan=5", [2])])
def test_a_length_that_is_known_settles_which_packets_are_larger(length, tag, ports):
    spec = {"flow": WEB + tag, "length": length}
    (outcome,) = why_bridge(snapshot(LARGER), spec).outcomes
    assert (ports_of([outcome]), list(outcome.assumptions)) == (ports, [])


def test_a_length_that_makes_no_sense_is_refused():
    with pytest.raises(SpecError, match="--length"):
        why_bridge(snapshot(LARGER), {"flow": WEB, "length": "long"})
