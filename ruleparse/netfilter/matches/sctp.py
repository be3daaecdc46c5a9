from __future__ import annotations

from dataclasses import dataclass

from ruleparse.codec import Codec
from ruleparse.netfilter.bytewise import cut_if, of_bytes, transport_header
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import SCTP
from ruleparse.netfilter.values import DPORT, SPORT, span_of
from ruleparse.program import Test

CHUNKS = {
    "DATA": 0, "INIT": 1, "INIT_ACK": 2, "SACK": 3, "HEARTBEAT": 4, "HEARTBEAT_ACK": 5, "ABORT": 6, "SHUTDOWN": 7,
    "SHUTDOWN_ACK": 8, "ERROR": 9, "COOKIE_ECHO": 10, "COOKIE_ACK": 11, "ECN_ECNE": 12, "ECN_CWR": 13,
    "SHUTDOWN_COMPLETE": 14, "I_DATA": 64, "ASCONF_ACK": 128, "RE_CONFIG": 130, "PAD": 132, "FORWARD_TSN": 192,
    "ASCONF": 193, "I_FORWARD_TSN": 194,
}  # fmt: skip
_NAMES = {number: name for name, number in CHUNKS.items()}
_HEADER = 12
_FLAGS = {0: "IUBE", 6: "T", 14: "T", 64: "IUBE"}
"""Letters of a chunk's flags, the lowest bit last."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Chunk types with (mask, flags) they must have; `mode` is all, any or only. None as types are all there are."""

    mode: str
    chunks: tuple[tuple[int, int, int], ...] | None

    def among(self, kind: int) -> bool:
        return self.chunks is None or any(kind == wanted for wanted, _, _ in self.chunks)

    def fits(self, kind: int, flags: int) -> bool:
        """Whether the flags are right, where any are asked for."""
        asked = [(mask, value) for wanted, mask, value in self.chunks or () if wanted == kind]
        return not asked or flags & asked[0][0] == asked[0][1]


def _parse_chunk(text: str) -> tuple[int, int, int]:
    name, _, letters = text.partition(":")
    if name.upper() not in CHUNKS:
        raise ValueError(f"{name} is not a chunk type of SCTP ({', '.join(CHUNKS)})")
    kind, mask, value = CHUNKS[name.upper()], 0, 0
    for letter in letters:
        place = _FLAGS.get(kind, "").find(letter.upper())
        if place < 0:
            raise ValueError(f"{letter} is not a flag of {name}")
        bit = 1 << len(_FLAGS[kind]) - 1 - place
        mask |= bit
        value |= bit if letter.isupper() else 0
    return kind, mask, value


def _parse(mode: str, types: str) -> Wanted:
    if mode.lower() not in ("all", "any", "only"):
        raise ValueError(f"{mode} is not one of all, any, only")
    if types.upper() == "ALL":
        return Wanted(mode.lower(), None)
    chunks = () if types.upper() == "NONE" else tuple(sorted(map(_parse_chunk, types.split(","))))
    return Wanted(mode.lower(), chunks)


def _show_chunk(kind: int, mask: int, value: int) -> str:
    letters = _FLAGS.get(kind, "")
    bits = [(1 << len(letters) - 1 - i, letter) for i, letter in enumerate(letters)]
    shown = "".join(letter if value & bit else letter.lower() for bit, letter in bits if mask & bit)
    return f"{_NAMES[kind]}:{shown}" if shown else _NAMES[kind]


def _show(wanted: Wanted) -> str:
    if not wanted.chunks:
        return f"{wanted.mode} {'ALL' if wanted.chunks is None else 'NONE'}"
    return f"{wanted.mode} {','.join(_show_chunk(*chunk) for chunk in wanted.chunks)}"


def chunks_fit(wanted: Wanted, raw: bytes) -> bool | None:
    """Whether the chunks are those wanted; None if one is cut short or of length 0 before that is known."""
    body = transport_header(raw, SCTP)
    if body is None:
        return False
    at, missing = _HEADER, {kind for kind, _, _ in wanted.chunks or ()}
    while at == _HEADER or at < len(body):
        if len(body) < at + 4 or body[at + 2 : at + 4] == b"\0\0":
            return None
        kind, flags = body[at], body[at + 1]
        fits = wanted.among(kind) and wanted.fits(kind, flags)
        if fits and wanted.mode == "any":
            return True
        if not fits and wanted.mode == "only":
            return False
        missing -= {kind} if fits else set()
        at += int.from_bytes(body[at + 2 : at + 4], "big") + 3 & ~3
    return wanted.mode == "only" or (wanted.mode == "all" and wanted.chunks is not None and not missing)


_TYPES = Codec("all|any|only CHUNK[:flags][,…]", _parse, _show, words=2)


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        if (test := given.option.test(given.value, given.negated)) is not None:
            yield test
    wanted: Wanted | None = givens.get("--chunk-types")
    if wanted is not None:
        yield cut_if(lambda raw: chunks_fit(wanted, raw) is None, "sctp", "has a chunk that is cut short")
        question = context.asks(f"the packet's SCTP chunks fit {_show(wanted)}")
        yield Test(of_bytes("sctp chunks", _holds, question, _TYPES), wanted, givens.negated("--chunk-types"))


def _holds(wanted: Wanted, raw: bytes) -> bool:
    return bool(chunks_fit(wanted, raw))


MATCH = Match(
    "sctp",
    "SCTP ports and chunk types (iptables-extensions(8); net/netfilter/xt_sctp.c).",
    (
        Option(("--sport", "--source-port"), span_of(16), SPORT),
        Option(("--dport", "--destination-port"), span_of(16), DPORT),
        Option(("--chunk-types",), _TYPES),
    ),
    tests=_tests,
    reads=_HEADER,
)
