"""IPVS: `ipvsadm` read, and packets on their way through virtual servers."""

import pytest

from ruleparse.netfilter.ipvs import read
from ruleparse.sessions.host import Session, why_and_back
from ruleparse.snapshot import load
from ruleparse.sniff import kind_of
from ruleparse.text import Source
from ruleparse.why import why
from tests.places import CORPORA

NODE = CORPORA / "kube-proxy-ipvs"
DNS = {"in": "cni0", "src": "10.244.1.11", "dst": "10.96.0.10", "proto": "udp", "sport": 40000, "dport": 53}
TCP = {**DNS, "proto": "tcp"}
SAVED = """\
-A -t 10.96.0.10:53 -s rr -p 10800
-a -t 10.96.0.10:53 -r 10.244.1.2:53 -m -w 1
-A -u [fd00::10]:53 -s wrr
-a -u [fd00::10]:53 -r [fd00:1::2]:5353 -m -w 3
-a -u [fd00::10]:53 -r [fd00:1::3]:5353 -g -w 0
-A --sctp-service 10.96.0.10:99 -s sh -b sh-port
-A -f 7 -6 -s rr
-a -f 7 -r [fd00:1::2]:0 -i -w 1
"""
LISTED = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.10:53 rr persistent 10800
  -> 10.244.1.2:53                Masq    1      0          0
UDP  [fd00::10]:53 wrr
  -> [fd00:1::2]:5353             Masq    3      0          0
  -> [fd00:1::3]:5353             Route   0      0          0
SCTP 10.96.0.10:99 sh (sh-port)
FWM  7 IPv6 rr
  -> [fd00:1::2]:0                Tunnel  1      0          0
"""


# What ipvsadm printed


@pytest.mark.parametrize("text", [SAVED, LISTED])
def test_both_outputs_say_the_same(text):
    found = read([Source("ipvsadm.txt", text)])
    assert found.diagnostics == []
    assert [(str(s), s.family, s.scheduler, s.persistent) for s in found.servers] == [
        ("10.96.0.10:53/tcp", 4, "rr", True),
        ("[fd00::10]:53/udp", 6, "wrr", False),
        ("10.96.0.10:99/sctp", 4, "sh", False),
        ("mark 0x7", 6, "rr", False),
    ]
    assert [[(str(r), r.method, r.weight) for r in s.servers] for s in found.servers] == [
        [("10.244.1.2:53", "masq", 1)],
        [("[fd00:1::2]:5353", "masq", 3), ("[fd00:1::3]:5353", "route", 0)],
        [],
        [("[fd00:1::2]:0", "tunnel", 1)],
    ]


@pytest.mark.parametrize("text", [SAVED, LISTED])
def test_they_are_known_by_their_content(text):
    assert kind_of(text) == "ipvsadm"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n", "not declared"),
        ("-A -t kubernetes:https -s rr\n", "ipvsadm -Sn"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -m -w 1\n", "no address"),
        ("-A -t 10.0.0.1:99999 -s rr\n", "99999"),
        ("  -> 10.0.0.2:80 Masq 1 0 0\n", "none stands above"),
        ("TCP 10.0.0.1:80 rr\n  -> 10.0.0.2:80 Masq\n", "weight"),
        ("-A -t\n", "goes on"),
        ("what is this\n", "not one of"),
    ],
)
def test_what_is_wrong_is_said(text, word):
    (said,) = read([Source("ipvsadm.txt", text)]).diagnostics
    assert word in said.message


# Packets


def node(tmp_path, ipvsadm, sysctl=""):
    """The corpus, with other virtual servers."""
    for path in NODE.glob("*.txt"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "ipvsadm.txt").write_text(ipvsadm)
    if sysctl:
        (tmp_path / "sysctl.txt").write_text((NODE / "sysctl.txt").read_text() + sysctl)
    return load([tmp_path])


def service(*servers, option="-u", scheduler="rr"):
    front = f"{option} 10.96.0.10:53" if option != "-f" else "-f 7"
    lines = [f"-A {front} -s {scheduler}", *(f"-a {front} -r {server}" for server in servers)]
    return "\n".join(lines) + "\n"


def fates(snapshot, **packet):
    outcomes = why(snapshot, {**DNS, **packet}).outcomes
    return {(o.egress, o.packet["dst"], round(o.probability, 3)) for o in outcomes}


def questions(snapshot, **packet):
    return {a.question for o in why(snapshot, {**DNS, **packet}).outcomes for a in o.assumptions}


NEAR, FAR, OTHER = ("10.244.1.2:53 -m -w {}", "10.244.2.9:5353 -m -w {}", "10.244.2.8:53 -m -w {}")


@pytest.mark.parametrize(
    ("scheduler", "weights", "odds"),
    [
        ("rr", (1, 5), (0.5, 0.5)),
        ("wrr", (1, 3), (0.25, 0.75)),
        ("rr", (0, 1), (None, 1.0)),
        ("wrr", (2, 0), (1.0, None)),
    ],
)
def test_servers_are_picked_by_their_weights(tmp_path, scheduler, weights, odds):
    servers = service(NEAR.format(weights[0]), FAR.format(weights[1]), scheduler=scheduler)
    expected = {("cni0", "10.244.1.2", odds[0]), ("flannel.1", "10.244.2.9", odds[1])}
    assert fates(node(tmp_path, servers)) == {fate for fate in expected if fate[2]}


def test_which_server_other_schedulers_pick_is_a_question(tmp_path):
    snapshot = node(tmp_path, service(NEAR.format(1), FAR.format(1), scheduler="lc"))
    assert questions(snapshot) == {"10.244.1.2:53 is what the scheduler lc picks for 10.96.0.10:53/udp"}


def test_source_hashing_does_not_pass_over_a_server_of_weight_0(tmp_path):
    outcomes = why(node(tmp_path, service(NEAR.format(0), FAR.format(1), scheduler="sh")), DNS).outcomes
    assert {o.verdict for o in outcomes} == {"accept", "drop"}


@pytest.mark.parametrize("servers", [(), (NEAR.format(0),)])
def test_without_an_endpoint_the_client_is_told(tmp_path, servers):
    (outcome,) = why(node(tmp_path, service(*servers)), DNS).outcomes
    assert (outcome.verdict, outcome.reason) == ("drop", "IPVS has no endpoint for 10.96.0.10:53/udp")


def test_a_server_on_this_node_gets_the_packet_where_it_is(tmp_path):
    assert fates(node(tmp_path, service("192.168.10.11:5353 -m -w 1"))) == {("local", "192.168.10.11", 1.0)}


def test_what_is_sent_on_meets_output_and_not_forward(tmp_path):
    (outcome,) = why(node(tmp_path, service(FAR.format(1))), {**DNS, "ttl": 9}).outcomes
    assert list(dict.fromkeys(step.hook for step in outcome.steps)) == ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]
    assert (outcome.packet["dport"], outcome.packet["ttl"]) == (5353, 8)


def test_a_packet_may_end_on_its_way_to_a_server(tmp_path):
    (outcome,) = why(node(tmp_path, service(FAR.format(1))), {**DNS, "ttl": 1}).outcomes
    assert outcome.reason == "its TTL ends here"


def test_the_route_to_a_server_is_looked_up_by_its_address_alone(tmp_path):
    node(tmp_path, service(FAR.format(1)))
    rules, routes = tmp_path / "ip-rule.txt", tmp_path / "ip-route.txt"
    rules.write_text(rules.read_text().replace("32766:", "100:\tfrom all fwmark 0x1 lookup 77\n32766:"))
    routes.write_text("unreachable 10.244.2.9 table 77\n" + routes.read_text())
    assert fates(load([tmp_path]), mark="1") == {("flannel.1", "10.244.2.9", 1.0)}


def test_a_service_by_mark(tmp_path):
    snapshot = node(tmp_path, service(FAR.format(1), option="-f"))
    assert fates(snapshot, mark="7") == {("flannel.1", "10.244.2.9", 1.0)}
    assert fates(snapshot) == {("local", "10.96.0.10", 1.0)}


def test_without_conntrack_no_source_is_translated(tmp_path):
    servers, outside = service(FAR.format(1), option="-t"), {"in": "eth0", "src": "198.51.100.9", "proto": "tcp"}
    (kept,) = why(node(tmp_path, servers, "net.ipv4.vs.conntrack = 0\n"), {**DNS, **outside}).outcomes
    (translated,) = why(node(tmp_path, servers), {**DNS, **outside}).outcomes
    assert (kept.packet["src"], translated.packet["src"]) == ("198.51.100.9", "10.244.1.0")


def test_whether_ipvs_tells_conntrack_may_not_be_known(tmp_path):
    snapshot = node(tmp_path, service(FAR.format(1)))
    assert "net.ipv4.vs.conntrack is 1" not in questions(snapshot)
    (tmp_path / "sysctl.txt").unlink()
    assert "net.ipv4.vs.conntrack is 1" in questions(load([tmp_path]))


def test_a_packet_in_mid_stream_goes_where_its_connection_does(tmp_path):
    snapshot = node(tmp_path, service(NEAR.format(1), FAR.format(0), option="-t"))
    asked = {"proto": "tcp", "tcp_flags": "ACK"}
    assert len(questions(snapshot, **asked)) == 2
    assert {fate[1] for fate in fates(snapshot, **asked)} == {"10.244.1.2", "10.244.2.9", "10.96.0.10"}


def test_virtual_servers_that_were_not_saved_are_missed(tmp_path):
    snapshot = node(tmp_path, "")
    (tmp_path / "ipvsadm.txt").unlink()
    outcomes = why(load([tmp_path]), DNS).outcomes
    assert {a.settle for o in outcomes for a in o.assumptions} == {"ipvsadm -Sn"}
    assert snapshot.virtual_servers is None


def test_rules_that_were_left_behind_do_not_make_a_balancer(tmp_path):
    node(tmp_path, "")
    (tmp_path / "ipvsadm.txt").unlink()
    for name in ("ip-link.txt", "ip-addr.txt"):
        (tmp_path / name).write_text((NODE.parent / "kube-proxy-flannel" / name).read_text())
    assert questions(load([tmp_path])) == set()


def test_rules_may_ask_whether_ipvs_has_sent_a_packet(tmp_path):
    node(tmp_path, service(FAR.format(1)))
    rules = tmp_path / "iptables-save.txt"
    rules.write_text(
        rules.read_text() + "*mangle\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m ipvs --ipvs -j DROP\nCOMMIT\n"
    )
    snapshot = load([tmp_path])
    assert {o.verdict for o in why(snapshot, DNS).outcomes} == {"drop"}
    assert {o.verdict for o in why(snapshot, {**DNS, "dst": "10.244.2.9"}).outcomes} == {"accept"}


# Connections


@pytest.mark.parametrize(
    "where", [{}, {"in": "eth0", "src": "198.51.100.9"}, {"in": None, "local": True, "src": "192.168.10.11"}]
)
def test_the_answer_comes_from_the_service(where):
    packet = {key: value for key, value in {**TCP, **where}.items() if value is not None}
    for outcome in why_and_back(load([NODE]), packet).outcomes:
        (back,) = outcome.reply or ()
        assert back.verdict == "accept"
        assert (back.packet["src"], back.packet["sport"]) == ("10.96.0.10", 53)
        assert back.packet["dst"] == packet["src"]


def test_later_packets_go_to_the_same_server():
    session = Session(load([NODE]))
    servers = [(o.packet["dst"], o.probability) for o in session.why(DNS).outcomes]
    assert sorted(servers) == [("10.244.0.2", 0.5), ("10.244.1.2", 0.5)]
    assert sorted((o.packet["dst"], o.probability) for o in session.why(DNS).outcomes) == sorted(servers)


def test_pings_are_never_balanced():
    """Of a ping conntrack keeps other numbers for its answer, without anybody having translated it."""
    session = Session(load([NODE]))
    ping = {"local": True, "src": "192.168.10.11", "dst": "192.168.10.1", "proto": "icmp", "icmp_type": "8", "ttl": 64}
    seen = {o.packet["ttl"] for _ in range(2) for o in session.why(ping).outcomes}
    assert seen == {64}


def test_a_packet_that_conntrack_makes_nothing_of_may_still_be_of_a_connection_to_a_server():
    session = Session(load([NODE]))
    session.why(TCP)
    asked = {a.question for o in session.why({**TCP, "tcp_flags": "ACK"}).outcomes for a in o.assumptions}
    assert len(asked) == 2
