"""How things may stand between packets: what is open stays open, and nothing that may be is left out."""

from ruleparse.sessions.standing import MOST_WORLDS, WHICH_WAY
from tests.conversation import outcomes, packet, start, state

UNKNOWN = "-m set --match-set unknown src -j DROP"
CLIENT = "eth1 udp 10.0.0.9:{} > 198.51.100.7:53"
ANSWER = "eth0 udp 198.51.100.7:53 > 10.0.0.9:{}"


def test_answers_that_packets_left_open_are_told_where_they_matter(tmp_path):
    """Ten connections that may each be there: one world, not a thousand."""
    rules = [f"filter FORWARD -p udp --sport {port} -m cpu --cpu 0 -j DROP" for port in range(1000, 1010)]
    session = start(tmp_path, *rules)
    for port in range(1000, 1010):
        assert {o.verdict for o in outcomes(session, packet(CLIENT.format(port)))} == {"accept", "drop"}
    assert len(session.worlds.worlds) == 1
    for port in range(1000, 1010):
        back = outcomes(session, packet(ANSWER.format(port)))
        assert sorted((state(o), *(a.answer for a in o.assumptions)) for o in back) == [
            ("ESTABLISHED", False),
            ("NEW", True),
        ]


def test_a_connection_that_two_answers_leave_otherwise(tmp_path):
    """Whether the first packet was dropped, the second has made the connection."""
    session = start(tmp_path, "mangle POSTROUTING -m cpu --cpu 0 -j CONNMARK --set-mark 7")
    outcomes(session, packet(CLIENT.format(1000)))
    back = outcomes(session, packet(ANSWER.format(1000)))
    assert {state(o) for o in back} == {"ESTABLISHED"}
    assert {o.packet["ct_mark"] for o in back} == {0, 7}


def test_an_answer_that_is_asked_again_is_the_same(tmp_path):
    session = start(tmp_path, f"filter FORWARD -s 10.0.0.9 {UNKNOWN}")
    outcomes(session, packet(CLIENT.format(1000)))
    again = outcomes(session, packet(CLIENT.format(1000)))
    assert len(again) == 2
    back = outcomes(session, packet(ANSWER.format(1000)))
    assert {(state(o), *(a.answer for a in o.assumptions)) for o in back} == {("ESTABLISHED", False), ("NEW", True)}


def test_where_there_are_too_many_ways_none_is_taken_for_the_only_one(tmp_path):
    """Limits with little room, each behind a question."""
    ports = range(1000, 1000 + MOST_WORLDS.bit_length())
    rules = [f"filter FORWARD -p udp --sport {port} -m cpu --cpu 0 -m limit --limit 1/day -j DROP" for port in ports]
    session = start(tmp_path, *rules)
    for port in ports:
        outcomes(session, packet(CLIENT.format(port)))
    assert len(session.worlds.worlds) == MOST_WORLDS
    answer = session.why({"in": "eth1", "hex": packet(CLIENT.format(2000)).encode().hex()})
    assert not answer.complete
    question = WHICH_WAY.question
    assert [(o.verdict, o.egress, *((a.question, a.answer) for a in o.assumptions)) for o in answer.outcomes] == [
        ("accept", "eth0", (question, True)),
        ("accept", None, (question, False)),
        ("drop", None, (question, False)),
    ]
