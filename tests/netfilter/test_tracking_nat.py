"""Connections that NAT has changed; tests/oracle/test_conversations.py asks a kernel about the same rows."""

from dataclasses import dataclass, replace

import pytest

from tests.conversation import any_packet, ends, only, outcomes, packet, start


@dataclass(frozen=True)
class Talk:
    """`said` has a packet a line, and behind => where it leaves and as what, without ports that the kernel picks."""

    name: str
    rules: tuple[str, ...]
    said: str

    def __str__(self) -> str:
        return self.name

    def lines(self) -> list[list[str]]:
        return [line.split(" => ") for line in self.said.strip().splitlines()]


MASQUERADE = "nat POSTROUTING -o eth0 -j MASQUERADE"
TO_INSIDE = "nat PREROUTING -d 192.0.2.1 -p udp -j DNAT --to-destination 10.0.0.9:5353"
TO_OUTSIDE = "nat PREROUTING -d 203.0.113.1 -j DNAT --to-destination 198.51.100.7"
TO_ITSELF = (
    "nat PREROUTING -d 203.0.113.1 -j DNAT --to-destination 10.0.0.9",
    "nat POSTROUTING -s 10.0.0.9 -d 10.0.0.9 -j MASQUERADE",
)
EVERY_OTHER = "-m statistic --mode nth --every 2 --packet 0"
TO_LOOPBACK = "nat OUTPUT -p udp --dport 53 -j DNAT --to-destination 127.0.0.1:5353"
EVERY_OTHER_INSIDE = f"nat PREROUTING -p udp {EVERY_OTHER} -j DNAT --to-destination 10.0.0.9"
FIXED = "nat POSTROUTING -o eth0 -p udp -j MASQUERADE --to-ports 5555"
TALKS = [
    Talk("answers find back through a masquerade", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => eth1 198.51.100.7:53 > 10.0.0.9:1000
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
"""),
    Talk("nobody else's packets do", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.8:53 > 192.0.2.1:1000 => local 198.51.100.8:53 > 192.0.2.1:1000
eth0 udp 198.51.100.7:54 > 192.0.2.1:1000 => local 198.51.100.7:54 > 192.0.2.1:1000
"""),
    Talk("answers come from where the question went", (TO_INSIDE,), """
eth0 udp 198.51.100.7:1000 > 192.0.2.1:53 => eth1 198.51.100.7:1000 > 10.0.0.9:5353
eth1 udp 10.0.0.9:5353 > 198.51.100.7:1000 => eth0 192.0.2.1:53 > 198.51.100.7:1000
"""),
    Talk("both ends translated", (MASQUERADE, TO_OUTSIDE), """
eth1 udp 10.0.0.9:1000 > 203.0.113.1:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => eth1 203.0.113.1:53 > 10.0.0.9:1000
"""),
    Talk("a service that is oneself", TO_ITSELF, """
eth1 udp 10.0.0.9:1000 > 203.0.113.1:53 => eth1 10.0.0.1:1000 > 10.0.0.9:53
eth1 udp 10.0.0.9:53 > 10.0.0.1:1000 => eth1 203.0.113.1:53 > 10.0.0.9:1000
"""),
    Talk("redirected to the node", ("nat PREROUTING -p udp -j REDIRECT --to-ports 5353",), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => local 10.0.0.9:1000 > 10.0.0.1:5353
local udp 10.0.0.1:5353 > 10.0.0.9:1000 => eth1 198.51.100.7:53 > 10.0.0.9:1000
"""),
    Talk("two that would look alike: the kernel picks a port", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth1 udp 10.0.0.8:1000 > 198.51.100.7:53 => eth0 192.0.2.1 > 198.51.100.7:53
eth1 udp 10.0.0.8:1000 > 198.51.100.9:53 => eth0 192.0.2.1 > 198.51.100.9:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => eth1 198.51.100.7:53 > 10.0.0.9:1000
"""),
    Talk("two that only look alike on this side", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth1 udp 10.0.0.8:1000 > 198.51.100.7:54 => eth0 192.0.2.1:1000 > 198.51.100.7:54
eth0 udp 198.51.100.7:54 > 192.0.2.1:1000 => eth1 198.51.100.7:54 > 10.0.0.8:1000
"""),
    Talk("a fixed port that is taken", (FIXED,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:5555 > 198.51.100.7:53
eth1 udp 10.0.0.9:1001 > 198.51.100.7:53 => dropped
eth1 udp 10.0.0.9:1001 > 198.51.100.7:54 => eth0 192.0.2.1:5555 > 198.51.100.7:54
"""),
    Talk("an untranslated one in the way of another's answers", (TO_OUTSIDE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 10.0.0.9:1000 > 198.51.100.7:53
eth1 udp 10.0.0.9:1000 > 203.0.113.1:53 => eth0 10.0.0.9 > 198.51.100.7:53
"""),
    Talk("rules are asked once for a connection", (EVERY_OTHER_INSIDE,), """
eth0 udp 198.51.100.7:1000 > 192.0.2.1:53 => eth1 198.51.100.7:1000 > 10.0.0.9:53
eth0 udp 198.51.100.7:1000 > 192.0.2.1:53 => eth1 198.51.100.7:1000 > 10.0.0.9:53
eth0 udp 198.51.100.7:1001 > 192.0.2.1:53 => local 198.51.100.7:1001 > 192.0.2.1:53
eth0 udp 198.51.100.7:1001 > 192.0.2.1:53 => local 198.51.100.7:1001 > 192.0.2.1:53
eth0 udp 198.51.100.7:1002 > 192.0.2.1:53 => eth1 198.51.100.7:1002 > 10.0.0.9:53
"""),
    Talk("a connection that was dropped was none", (MASQUERADE, f"filter FORWARD {EVERY_OTHER} -j DROP"), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => dropped
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => local 198.51.100.7:53 > 192.0.2.1:1000
"""),
    Talk("untracked packets are translated neither way", (MASQUERADE, "raw PREROUTING -i eth0 -j CT --notrack"), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => local 198.51.100.7:53 > 192.0.2.1:1000
"""),
    Talk("zones know nothing of each other", (MASQUERADE, "raw PREROUTING -s 10.0.0.8 -j CT --zone 7"), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth1 udp 10.0.0.8:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => eth1 198.51.100.7:53 > 10.0.0.9:1000
"""),
    Talk("a zone for one way only", (MASQUERADE, "raw PREROUTING -s 10.0.0.8 -j CT --zone-orig 7"), """
eth1 udp 10.0.0.8:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => eth1 198.51.100.7:53 > 10.0.0.8:1000
"""),
    Talk("pings keep apart by their identifiers", (MASQUERADE,), """
eth1 icmp 10.0.0.9:7 > 198.51.100.7 => eth0 192.0.2.1 > 198.51.100.7
eth1 udp 10.0.0.9:7 > 198.51.100.7:7 => eth0 192.0.2.1:7 > 198.51.100.7:7
"""),
    Talk("an error about what left", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 198.51.100.9 says unreachable about udp 192.0.2.1:1000 > 198.51.100.7:53 => eth1 198.51.100.9 > 10.0.0.9
eth0 198.51.100.9 says exceeded about udp 192.0.2.1:1001 > 198.51.100.7:53 => local 198.51.100.9 > 192.0.2.1
"""),
    Talk("an error about the answer", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 udp 198.51.100.7:53 > 192.0.2.1:1000 => eth1 198.51.100.7:53 > 10.0.0.9:1000
eth1 10.0.0.9 says unreachable about udp 198.51.100.7:53 > 10.0.0.9:1000 => eth0 192.0.2.1 > 198.51.100.7
"""),
    Talk("an error about what was sent somewhere else", (TO_INSIDE,), """
eth0 udp 198.51.100.7:1000 > 192.0.2.1:53 => eth1 198.51.100.7:1000 > 10.0.0.9:5353
eth1 10.0.0.9 says unreachable about udp 198.51.100.7:1000 > 10.0.0.9:5353 => eth0 192.0.2.1 > 198.51.100.7
eth1 10.0.0.4 says exceeded about udp 198.51.100.7:1000 > 10.0.0.9:5353 => eth0 192.0.2.1 > 198.51.100.7
"""),
    Talk("a redirect about what was translated", (MASQUERADE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 192.0.2.1:1000 > 198.51.100.7:53
eth0 198.51.100.9 says redirect about udp 192.0.2.1:1000 > 198.51.100.7:53 => dropped
eth1 10.0.0.4 says redirect about udp 198.51.100.7:53 > 10.0.0.9:1000 => dropped
"""),
    Talk("a redirect about what was not", (TO_INSIDE,), """
eth1 udp 10.0.0.9:1000 > 198.51.100.7:53 => eth0 10.0.0.9:1000 > 198.51.100.7:53
eth0 198.51.100.9 says redirect about udp 10.0.0.9:1000 > 198.51.100.7:53 => eth1 198.51.100.9 > 10.0.0.9
"""),
    Talk("an error of this node's own whose checksum is wrong", (TO_OUTSIDE,), """
eth0 udp 198.51.100.7:1000 > 192.0.2.1:54 => local 198.51.100.7:1000 > 192.0.2.1:54
local 192.0.2.1 says unreachable about udp 198.51.100.7:1000 > 192.0.2.1:54 => eth0 192.0.2.1 > 198.51.100.7
local 192.0.2.1 mumbles unreachable about udp 198.51.100.7:1000 > 192.0.2.1:54 => dropped
"""),
    Talk("GRE has no ports", (MASQUERADE,), """
eth1 gre 10.0.0.9 > 198.51.100.7 => eth0 192.0.2.1 > 198.51.100.7
eth0 gre 198.51.100.7 > 192.0.2.1 => eth1 198.51.100.7 > 10.0.0.9
eth1 gre 10.0.0.8 > 198.51.100.7 => dropped
"""),
    Talk("a packet of the node to itself", (TO_LOOPBACK,), """
local udp 192.0.2.1:1000 > 10.0.0.1:53 => local 192.0.2.1:1000 > 127.0.0.1:5353
local udp 127.0.0.1:5353 > 192.0.2.1:1000 => local 10.0.0.1:53 > 192.0.2.1:1000
"""),
]  # fmt: skip


@pytest.mark.parametrize("talk", TALKS, ids=str)
def test_where_packets_go(talk, tmp_path):
    session = start(tmp_path, *talk.rules)
    for said, expected in talk.lines():
        outcome = only(session, any_packet(said))
        assert ("dropped" if outcome.verdict == "drop" else ends(outcome)) == expected, said


@pytest.mark.parametrize(
    ("sport", "picked", "other"),
    [(500, 511, 512), (700, 1023, 1024), (700, 600, 599), (1024, 65535, 1023), (65535, 1024, 80)],
)
def test_ports_that_are_picked_stay_in_their_kind(sport, picked, other, tmp_path):
    session = start(tmp_path, MASQUERADE)
    for host in ("10.0.0.9", "10.0.0.8"):
        only(session, any_packet(f"eth1 udp {host}:{sport} > 198.51.100.7:53"))
    assert only(session, any_packet(f"eth0 udp 198.51.100.7:53 > 192.0.2.1:{other}")).egress == "local"
    found = outcomes(session, any_packet(f"eth0 udp 198.51.100.7:53 > 192.0.2.1:{picked}"))
    assert answers(found) == {
        f"eth1 198.51.100.7:53 > 10.0.0.8:{sport}": True,
        f"local 198.51.100.7:53 > 192.0.2.1:{picked}": False,
    }


def answers(found):
    """Where a packet goes if it belongs to the connection that was given a picked number, and if it does not."""
    return {ends(outcome): assumed.answer for outcome in found for assumed in outcome.assumptions}


def test_the_first_answer_tells_the_port_that_was_picked(tmp_path):
    session = start(tmp_path, MASQUERADE)
    for host in ("10.0.0.9", "10.0.0.8"):
        only(session, any_packet(f"eth1 udp {host}:5000 > 198.51.100.7:53"))
    outcomes(session, any_packet("eth0 udp 198.51.100.7:53 > 192.0.2.1:2000"))
    again = outcomes(session, any_packet("eth1 udp 10.0.0.8:5000 > 198.51.100.7:53"))
    assert answers(again) == {"eth0 192.0.2.1:2000 > 198.51.100.7:53": True, "eth0 192.0.2.1 > 198.51.100.7:53": False}
    other = outcomes(session, any_packet("eth0 udp 198.51.100.7:53 > 192.0.2.1:2001"))
    assert [ends(o) for o in other if not o.assumptions or o.assumptions[0].answer] == [
        "local 198.51.100.7:53 > 192.0.2.1:2001"
    ]


def test_an_acknowledgement_proves_the_port_that_was_picked(tmp_path):
    session = start(tmp_path, MASQUERADE)
    for host in ("10.0.0.9", "10.0.0.8"):
        said = replace(packet(f"eth1 tcp {host}:5000 > 198.51.100.7:80"), flags=2, seq=1000 + int(host[-1]))
        only(session, said)
    back = replace(packet("eth0 tcp 198.51.100.7:80 > 192.0.2.1:2000"), flags=18)
    assert ends(only(session, replace(back, ack=1009))) == "eth1 198.51.100.7:80 > 10.0.0.8:5000"


def test_a_new_connection_may_look_like_an_answer_to_a_picked_port(tmp_path):
    session = start(tmp_path, MASQUERADE)
    for host in ("10.0.0.9", "10.0.0.8"):
        only(session, replace(packet(f"eth1 tcp {host}:5000 > 198.51.100.7:80"), flags=2))
    assert answers(outcomes(session, replace(packet("eth0 tcp 198.51.100.7:80 > 192.0.2.1:2000"), flags=2))) == {
        "eth1 198.51.100.7:80 > 10.0.0.8:5000": True,
        "local 198.51.100.7:80 > 192.0.2.1:2000": False,
    }


def test_of_a_range_of_ports_one_that_is_free_is_taken(tmp_path):
    session = start(tmp_path, "nat PREROUTING -d 192.0.2.1 -p udp -j DNAT --to-destination 10.0.0.9:1-10")
    first, second = (f"eth0 udp 198.51.100.7:1000 > 192.0.2.1:{port}" for port in (53, 54))
    assert ends(only(session, any_packet(first))) == "eth1 198.51.100.7:1000 > 10.0.0.9:1"
    assert ends(only(session, any_packet(second))) == "eth1 198.51.100.7:1000 > 10.0.0.9"
    other = "eth0 udp 198.51.100.7:1001 > 192.0.2.1:54"
    assert ends(only(session, any_packet(other))) == "eth1 198.51.100.7:1001 > 10.0.0.9:1"


def test_an_address_is_picked_though_its_port_may_be_taken(tmp_path):
    session = start(tmp_path, "nat POSTROUTING -o eth0 -j SNAT --to-source 192.0.2.8-192.0.2.9")
    for host in ("10.0.0.9", "10.0.0.8"):
        found = outcomes(session, any_packet(f"eth1 udp {host}:5000 > 198.51.100.7:53"))
    assert {outcome.packet["sport"] for outcome in found} == {5000, None}


def test_an_answer_that_may_be_to_either_of_two(tmp_path):
    session = start(tmp_path, MASQUERADE)
    for host in ("10.0.0.9", "10.0.0.8", "10.0.0.7"):
        only(session, any_packet(f"eth1 udp {host}:5000 > 198.51.100.7:53"))
    found = outcomes(session, any_packet("eth0 udp 198.51.100.7:53 > 192.0.2.1:2000"))
    assert {o.packet["dst"] for o in found} == {"10.0.0.8", "10.0.0.7", "192.0.2.1"}
    assert all(o.assumptions for o in found)


def test_a_picked_port_is_none_that_was_taken(tmp_path):
    """A client resets, the node itself sends what is in its way, the client comes again."""
    session = start(tmp_path, "nat PREROUTING -d 203.0.113.1 -p tcp -j REDIRECT --to-ports 80")
    client, node = "eth1 tcp 10.0.0.9:1000 > 203.0.113.1:53", "local tcp 10.0.0.1:80 > 10.0.0.9:1000"
    stray = "local tcp 203.0.113.1:53 > 10.0.0.9:1000"
    syn, ack, rst = 2, 16, 4
    said = [
        (client, syn, 1000, 0),
        (node, syn | ack, 500, 1001),
        (client, ack, 1001, 501),
        (client, rst | ack, 1001, 501),
    ]
    for words, flags, seq, acknowledged in [*said, (stray, ack, 7000, 9000)]:
        outcomes(session, replace(packet(words), flags=flags, seq=seq, ack=acknowledged))
    again = only(session, replace(packet(client), flags=syn))
    assert ends(again) == "local 10.0.0.9:1000 > 10.0.0.1:80"
