"""SCTP associations, chunk by chunk; tests/oracle/test_conversations.py asks a kernel about the same rows."""

import pytest

from tests.conversation import chunks, only, start, state

ROWS = """
the usual handshake:
    >INIT N <INIT-ACK E >COOKIE-ECHO E <COOKIE-ACK E >DATA E <SACK E >SHUTDOWN E <SHUTDOWN-ACK E >SHUTDOWN-COMPLETE E
data of nobody's:
    >DATA I <INIT-ACK I >DATA I
a heartbeat taken up in the middle:
    >HEARTBEAT N <HEARTBEAT-ACK E >DATA E
the answer to a heartbeat that nobody saw:
    >HEARTBEAT-ACK N <INIT-ACK I <DATA I >DATA N <HEARTBEAT-ACK E >DATA E
a shutdown taken up in the middle:
    >SHUTDOWN-ACK N <INIT-ACK E
an INIT that asks for the tag it has:
    >INIT:aa N <INIT-ACK:cc,aa E >COOKIE-ECHO,cc E <COOKIE-ACK,aa E >INIT:aa E <INIT-ACK:dd,aa I
an INIT that asks for another:
    >INIT:aa N <INIT-ACK:cc,aa E >COOKIE-ECHO,cc E <COOKIE-ACK,aa E >INIT:bb E <INIT-ACK:dd,bb E
answers that change their mind:
    >INIT:aa N <INIT-ACK:cc,aa E <INIT-ACK:dd,aa E >COOKIE-ECHO,dd E
a tag that does not fit:
    >INIT N <INIT-ACK,5 I <INIT-ACK E >COOKIE-ECHO,5 I >COOKIE-ECHO E
"""
"""Behind each chunk what it is: New, Established or Invalid."""

LINES = iter(ROWS.strip().splitlines())
TALKS = [(name.rstrip(":"), line.split()[::2], line.split()[1::2]) for name, line in zip(LINES, LINES, strict=True)]


@pytest.mark.parametrize(("said", "expected"), [talk[1:] for talk in TALKS], ids=[talk[0] for talk in TALKS])
def test_states(said, expected, tmp_path):
    session = start(tmp_path)
    assert [state(only(session, chunk))[0] for chunk in chunks(" ".join(said))] == expected


@pytest.mark.parametrize(
    ("said", "assured"),
    [
        (">INIT <INIT-ACK >COOKIE-ECHO <COOKIE-ACK", [False, False, False, True]),
        (">INIT <INIT-ACK >COOKIE-ECHO >COOKIE-ACK", [False, False, False, True]),
        (">HEARTBEAT <HEARTBEAT-ACK >DATA", [False, True, True]),
    ],
)
def test_whoever_establishes_an_association_assures_it(said, assured, tmp_path):
    session = start(tmp_path, "filter FORWARD -m conntrack --ctstatus ASSURED")
    steps = [only(session, chunk).steps for chunk in chunks(said)]
    assert [any("ASSURED" in step.place.text for step in some) for some in steps] == assured
