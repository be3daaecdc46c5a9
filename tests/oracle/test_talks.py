"""Random TCP and SCTP conversations, well-behaved and not: the state of each packet, by a kernel and by a session."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.conversation import chunks, only, segments, start, state
from tests.oracle.kernel import Firewall
from tests.oracle.test_conversations import firewall as firewall
from tests.oracle.test_conversations import load, state_of
from tests.oracle.test_kernel import pytestmark as pytestmark
from tests.oracle.wire import Packet

_FLAGS = ("S", "SA", "A", "PA", "FA", "R", "RA", "A", "PA", "F", "U")
_STEPS = (
    0,
    0,
    0,
    1,
    5,
    1000,
    -1,
    -5,
    -1000,
    64000,
    65000,
    65001,
    66000,
    67000,
    130000,
    -65000,
    -66001,
    -67000,
    -130000,
)
_WINDOWS = ("", "", "", "", "w0", "w1", "w100", "w65535")
_OPENINGS = (">S <SA >A", ">S <SA >A >PA <PA", ">S", ">S <S", ">A", ">PA <PA")


def tcp_talk(seed: int) -> str:
    """What two ends say: an opening in order, and then whatever, some of it far from where it should be."""
    rng = random.Random(seed)
    sent = {">": rng.choice((1000, 4294967000)), "<": rng.choice((500000, 7, 4294967290))}
    heard = {">": 0, "<": 0}
    opening = rng.choice(_OPENINGS).split()
    words = []
    for turn in range(rng.randrange(4, 16)):
        odd = turn >= len(opening) or rng.random() < 0.1
        word = opening[turn] if turn < len(opening) else rng.choice("><") + rng.choice(_FLAGS)
        way, other, flags = word[0], "<" if word[0] == ">" else ">", word[1:]
        seq = sent[way] + (rng.choice(_STEPS) if odd else 0)
        ack = heard[way] + (rng.choice(_STEPS) if odd and rng.random() < 0.5 else 0)
        data = rng.choice((0, 0, 5, 100, 1000)) if "P" in flags or rng.random() < 0.1 else 0
        options = rng.choice(("", "", "x7", "k", "x7k")) if "S" in flags else ""
        numbers = f"{seq % 2**32},{ack % 2**32 if 'A' in flags or rng.random() < 0.1 else 0}"
        words.append(f"{word}{numbers}{f'+{data}' if data else ''}{rng.choice(_WINDOWS)}{options}")
        if not odd or rng.random() < 0.5:
            sent[way] = heard[other] = seq + data + ("S" in flags) + ("F" in flags)
    return " ".join(words)


_CHUNKS = ("DATA", "INIT", "INIT-ACK", "SACK", "HEARTBEAT", "HEARTBEAT-ACK", "ABORT", "SHUTDOWN", "SHUTDOWN-ACK",
           "ERROR", "COOKIE-ECHO", "COOKIE-ACK", "SHUTDOWN-COMPLETE")  # fmt: skip
_ASSOCIATIONS = (
    ">INIT <INIT-ACK >COOKIE-ECHO <COOKIE-ACK",
    ">INIT:5 <INIT-ACK:7,5 >COOKIE-ECHO,7 <COOKIE-ACK,5",
    ">HEARTBEAT",
    ">INIT",
    ">HEARTBEAT-ACK",
    ">SHUTDOWN-ACK",
    "",
)


def sctp_talk(seed: int) -> str:
    rng = random.Random(seed)
    words = [rng.choice(_ASSOCIATIONS)]
    for _ in range(rng.randrange(3, 12)):
        chunk = rng.choice(_CHUNKS)
        wanted = rng.choice(("", "", ":5", ":7")) if "INIT" in chunk else ""
        words.append(rng.choice("><") + chunk + wanted + rng.choice(("", "", "", ",0", ",5", ",7")))
    return " ".join(words)


Talk = tuple[Callable[[int], str], Callable[[str], Iterable[Packet]]]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("talk", [(tcp_talk, segments), (sctp_talk, chunks)], ids=["tcp", "sctp"])
def test_states(talk: Talk, seed: int, firewall: Firewall, tmp_path: Path) -> None:
    say, packets = talk
    said = say(seed)
    loaded, session = load(firewall), start(tmp_path)
    kernel = [state_of(firewall.send(packet, loaded)) for packet in packets(said)]
    ours = [state(only(session, packet))[0] for packet in packets(said)]
    assert [*zip(said.split(), ours, strict=True)] == [*zip(said.split(), kernel, strict=True)]
