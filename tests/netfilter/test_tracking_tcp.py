"""What conntrack takes TCP segments for; tests/oracle/test_conversations.py asks a kernel about the same rows."""

import pytest

from tests.conversation import only, outcomes, segments, start, state

ROWS = """
opened, used, closed:
    >S100 N <SA500,101 E >A101,501 E >PA101,501+5 E <A501,106 E >FA106,501 E <FA501,107 E >A107,502 E
a SYN sent again:
    >S100 N >S100 N <SA500,101 E >S100 E >A101,501 E
answered with a reset:
    >S100 N <RA0,101 E >S200 N
a SYN taken back:
    >S100 N >R101 N >A101,501 N
a SYN-ACK alone:
    >SA100,1 I
taken up in mid-stream:
    >A5000,900 N <A900,5000+10 E >A5000,910 E
no flags at all:
    >100 I >S100 N <500,101 I
flags that make no sense:
    >S100 N <SA500,101 E >A101,501 E >F101,501 I >SF101 I >PA101,501 E
a client's SYN-ACK:
    >S100 N <SA500,101 E >SA101,501 E >A101,501 E
both open at once:
    >S100 N <S500 E >SA100,501 E <SA500,101 E >A101,501 E
far beyond the window:
    >S100w1000 N <SA500,101w1000 E >A101,501w1000 E >PA9000,501 I >PA101,501+5 E
an acknowledgment of what was never sent:
    >S100 N <SA500,101 E >A101,501 E >PA101,9999 I >PA101,501+5 E
long acknowledged:
    >S100 N <SA500,101 E >A101,501 E >A101,501+900 E <A501,1001 E <A501,1 E <A501,1001 E
windows scaled:
    >S100x7 N <SA500,101x7 E >A101,501 E >PA101,501+1400 E >PA1501,501+1400 E
windows that only one end would scale:
    >S100x7 N <SA500,101w1000 E >A101,501 E >PA60000,501 I
selective acknowledgments:
    >S100k N <SA500,101k E >A101,501 E <A501,101k150 I >PA101,501+60 E <A501,101k150 E
a block beyond what was sent:
    >S100k N <SA500,101k E >A101,501 E <A501,101k9999 I >PA101,501 E
a closed window:
    >S100 N <SA500,101w0 E >A101,501 E >PA101,501+1 E <A501,101w1000 E >PA101,501+5 E
reset in the window:
    >S100 N <SA500,101 E >A101,501 E <R501 E >A101,501 E
reset behind the window:
    >S100 N <SA500,101 E >A101,501 E <R400 I >A101,501 E
reset ahead of what was acknowledged:
    >S100 N <SA500,101 E >A101,501 E <A501,101 E <R600 E >A101,501 E >S7000 E
reset behind data:
    >S100 N <SA500,101 E >A101,501 E <PA501,101+9 E <R510 E >S7000 E
reset while closing:
    >S100 N <SA500,101 E >A101,501 E >FA101,501 E <RA7,9 E >S7000 N
reset of what was ignored:
    >S100 N <SA500,101 E >A101,501 E >S9000 E <RA0,9001 E >S9000 E
opened anew after it was closed:
    >S100 N <SA500,101 E >A101,501 E >FA101,501 E <FA501,102 E >A102,502 E >S9000 N <SA8000,9001 E >A9001,8001 E
opened anew from the other end:
    >S100 N <SA500,101 E >A101,501 E >FA101,501 E <FA501,102 E >A102,502 E <S9000 N >SA8000,9001 E
opened anew after a reset:
    >S100 N <SA500,101 E >A101,501 E >R101 E >S9000 N <SA8000,9001 E
not anew after the other end's reset:
    >S100 N <SA500,101 E >A101,501 E <R501 E >S9000 E >S9000 E
a SYN within a connection, answered:
    >S100 N <SA500,101 E >A101,501 E >S9000 E <SA8000,9001 E >A9001,8001 E
a SYN within a connection, challenged:
    >S100 N <SA500,101 E >A101,501 E >S9000 E <A501,101 E >R501 E >S9000 E
a reset by who sent the SYN that was ignored:
    >S1000 N <SA500,1001 E >A1001,501 E >S3000 E >RA900,3001 I >S1000 E
a reset by who sent the SYN again:
    >S1000 N <PA700,66 E >S1000 E >RA1001,700 I
a SYN while the last ACK is due:
    >S100 N <SA500,101 E >A101,501 E <FA501,101 E >FA101,502 E >S9000 E <A502,102 E >S9000 E
a FIN sent again:
    >S100 N <SA500,101 E >A101,501 E >FA101,501 E >FA101,501 E <A501,102 E <FA501,102 E >A102,502 E
data behind a FIN:
    >S100 N <SA500,101 E >A101,501 E >FA101,501 E <PA501,102+7 E >A102,508 E <FA508,102 E >A102,509 E
sequence numbers that wrap:
    >S4294967290 N <SA4294967295,4294967291 E >A4294967291,0 E >PA4294967291,0+10 E <PA0,5+30 E >A5,30 E
a challenge to a SYN, and its reset:
    >S100 N <A700,50 E >R50 E >S200 N <SA500,201 E
a reset that answers no challenge:
    >S100 N <A700,50 E >R51 E >S200 N
a little more than the window allows:
    >S100 N <SA500,101 E >A101,501 E >PA66101,501+5 E >PA66102,501+5 E >PA66107,501 E >A70000,501 E >PA60000,501 E
mid-stream stays loose on one end:
    >A65999,1482345310 N >S1000 N <SA322900395,1001 E <PA1482275310,1001 E >PA900000,322900396 I
"""
"""Behind each segment (see tests.conversation.segments) what it is: New, Established or Invalid."""

LINES = iter(ROWS.strip().splitlines())
TALKS = [(name.rstrip(":"), line.split()[::2], line.split()[1::2]) for name, line in zip(LINES, LINES, strict=True)]


@pytest.mark.parametrize(("said", "expected"), [talk[1:] for talk in TALKS], ids=[talk[0] for talk in TALKS])
def test_states(said, expected, tmp_path):
    session = start(tmp_path)
    assert [state(only(session, segment))[0] for segment in segments(" ".join(said))] == expected


@pytest.mark.parametrize(
    ("setting", "said", "expected"),
    [
        ("loose", ">A5000,900 <A900,5000 >S100", "IIN"),
        ("be_liberal", ">S100 <SA500,101 >A101,501 >PA900000,501 <PA501,9999", "NEEEE"),
        ("ignore_invalid_rst", ">S100 <SA500,101 >A101,501 <R400", "NEEE"),
    ],
)
def test_settings(setting, said, expected, tmp_path):
    """Each the other way round than it is unless somebody sets it."""
    unusual = {"loose": 0}.get(setting, 1)
    session = start(tmp_path, sysctl={f"net.netfilter.nf_conntrack_tcp_{setting}": unusual})
    assert "".join(state(only(session, segment))[0] for segment in segments(said)) == expected


@pytest.mark.parametrize(
    ("setting", "said", "on", "off"),
    [
        ("be_liberal", ">S100 <SA500,101 >A101,501 >PA900000,501 <PA501,9999", "NEEEE", "NEEII"),
        ("ignore_invalid_rst", ">S100 <SA500,101 >A101,501 <R400 <PA501,101", "NEEEE", "NEEIE"),
    ],
)
def test_settings_that_were_not_saved(setting, said, on, off, tmp_path):
    """They are asked for where they matter, once for all packets."""
    name = f"net.netfilter.nf_conntrack_tcp_{setting}"
    session = start(tmp_path, sysctl={name: None})
    for segment, if_on, if_off in zip(segments(said), on, off, strict=True):
        found = outcomes(session, segment)
        asked = {(given.question, given.answer): state(one)[0] for one in found for given in one.assumptions}
        if if_on == if_off:
            assert {state(one)[0] for one in found} == {if_on}
        else:
            assert asked == {(f"{name} is 1", True): if_on, (f"{name} is 1", False): if_off}


def test_a_segment_without_bytes_is_one_that_fits(tmp_path):
    """Options do not say sequence numbers."""
    session = start(tmp_path)
    there = {"in": "eth1", "src": "10.0.0.9", "dst": "198.51.100.7", "proto": "tcp", "sport": 1000, "dport": 80}
    back = {"in": "eth0", "src": "198.51.100.7", "dst": "10.0.0.9", "proto": "tcp", "sport": 80, "dport": 1000}
    talk = [(there, "SYN"), (back, "SYN,ACK"), (there, "ACK"), (back, "FIN,ACK"), (there, "FIN,ACK"), (there, "SYN")]
    states = [state(session.why({**ends, "tcp_flags": flags}).outcomes[0]) for ends, flags in talk]
    assert states == ["NEW", "ESTABLISHED", "ESTABLISHED", "ESTABLISHED", "ESTABLISHED", "ESTABLISHED"]
