"""How conntrack follows an SCTP association: its states, and the verification tags of its two directions.

Source: net/netfilter/nf_conntrack_proto_sctp.c of Linux 6; RFC 9260, section 8.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ruleparse.netfilter import wire
from ruleparse.netfilter.tracking.judged import ORIGINAL, REPLY, Judged

_STATES = ("none", "closed", "cookie_wait", "cookie_echoed", "established", "shutdown_sent", "shutdown_recd",
           "shutdown_ack_sent", "heartbeat_sent")  # fmt: skip
_SHORT = dict(zip(("no", "cl", "cw", "ce", "es", "ss", "sr", "sa", "hs"), _STATES, strict=True))

_DATA, _INIT, _INIT_ACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT, _SHUTDOWN, _SHUTDOWN_ACK = 0, 1, 2, 4, 5, 6, 7, 8
_ERROR, _COOKIE_ECHO, _COOKIE_ACK, _SHUTDOWN_COMPLETE = 9, 10, 11, 14

_NEXT = {
    #              from: no cl cw ce es ss sr sa hs
    _INIT: ("            cl cl cw ce es cl cl sa cw", "-- cl cw ce es ss sr sa --"),
    _INIT_ACK: ("        cl cl cw ce es ss sr sa cl", "-- cw cw ce es ss sr sa --"),
    _ABORT: ("           cl cl cl cl cl cl cl cl cl", "-- cl cl cl cl cl cl cl --"),
    _SHUTDOWN: ("        cl cl cw ce ss ss sr sa cl", "-- cl cw ce sr ss sr sa --"),
    _SHUTDOWN_ACK: ("    sa cl cw ce es sa sa sa sa", "-- cl cw ce es sa sa sa --"),
    _ERROR: ("           cl cl cw ce es ss sr sa cl", "-- cl cw cl es ss sr sa --"),
    _COOKIE_ECHO: ("     cl cl ce ce es ss sr sa cl", "-- cl ce ce es ss sr sa --"),
    _COOKIE_ACK: ("      cl cl cw es es ss sr sa cl", "-- cl cw es es ss sr sa --"),
    _SHUTDOWN_COMPLETE: ("cl cl cw ce es ss sr cl cl", "-- cl cw ce es ss sr cl --"),
    _HEARTBEAT: ("       hs cl cw ce es ss sr sa hs", "-- cl cw ce es ss sr sa hs"),
    _HEARTBEAT_ACK: ("   cl cl cw ce es ss sr sa hs", "-- cl cw ce es ss sr sa es"),
}
"""For each kind of chunk: the state it leads to, in the original and in the reply direction."""

_NO_TAG_CHECK = frozenset({_INIT, _SHUTDOWN_COMPLETE, _COOKIE_ECHO, _ABORT, _SHUTDOWN_ACK, _HEARTBEAT, _HEARTBEAT_ACK})
_ALONE = frozenset({_INIT, _INIT_ACK, _SHUTDOWN_COMPLETE})
_FIRST = frozenset({_COOKIE_ACK, _COOKIE_ECHO})
_STARTS_NOTHING = frozenset({_ABORT, _SHUTDOWN_COMPLETE, _COOKIE_ACK})

Chunk = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Sctp:
    """An association so far; tags and whether an INIT was seen are by direction."""

    state: str = "none"
    tags: tuple[int, int] = (0, 0)
    inits: tuple[bool, bool] = (False, False)
    failed_heartbeat: int | None = None
    """direction of a heartbeat whose tag did not fit"""


class _Invalid(Exception):
    pass


def begin(raw: bytes) -> Judged:
    """The first packet of an association."""
    chunks, tag = _read(raw)
    kinds = {kind for kind, _, _ in chunks}
    if not _is_sound(raw, chunks) or kinds & _STARTS_NOTHING:
        return Judged("invalid", None)
    tags = [0, 0]
    for kind, _, body in chunks:
        if _next(kind, ORIGINAL, "none") in (None, "none") or (kind == _INIT and (tag or len(body) < 20)):
            return Judged("invalid", None)
        tags[ORIGINAL if kind in (_HEARTBEAT, _HEARTBEAT_ACK) else REPLY] = (
            _initiate_tag(body) if kind == _INIT else tag
        )
    return follow(Sctp(tags=(tags[0], tags[1]), inits=(_INIT in kinds, False)), ORIGINAL, raw)


def follow(association: Sctp, direction: int, raw: bytes) -> Judged:
    """One more packet: nf_conntrack_sctp_packet."""
    chunks, tag = _read(raw)
    kinds = {kind for kind, _, _ in chunks}
    if not _is_sound(raw, chunks) or (not kinds & _NO_TAG_CHECK and tag != association.tags[direction]):
        return Judged("invalid", association)
    ignore = assured = False
    try:
        for chunk in chunks:
            before = association
            if _is_odd_heartbeat(association, direction, chunk, tag):
                if _DATA in kinds or ignore:
                    raise _Invalid
                association, ignore = replace(association, failed_heartbeat=direction), True
                continue
            association = _one(association, direction, chunk, tag, has_data=_DATA in kinds or ignore)
            ignore = ignore or (chunk[0] == _INIT and before.state == association.state == "closed")
            assured = assured or before.state != association.state == "established"
    except _Invalid:
        return Judged("invalid", association)
    return Judged("valid", association, assured=assured, counted=not ignore)


def _is_odd_heartbeat(association: Sctp, direction: int, chunk: Chunk, tag: int) -> bool:
    return chunk[0] == _HEARTBEAT and association.tags[direction] not in (0, tag)


def _one(association: Sctp, direction: int, chunk: Chunk, tag: int, *, has_data: bool) -> Sctp:
    kind, flags, body = chunk
    own, peer = association.tags[direction], association.tags[1 - direction]
    if kind in (_ABORT, _SHUTDOWN_COMPLETE) and tag != (peer if flags & 1 else own):
        raise _Invalid
    if (kind == _INIT and tag) or (kind == _COOKIE_ECHO and tag != own):
        raise _Invalid
    if kind == _COOKIE_ACK:
        association = replace(association, inits=(False, False))
    elif kind in (_HEARTBEAT, _HEARTBEAT_ACK):
        association = _after_heartbeat(association, direction, tag, has_data=has_data)
    state = _next(kind, direction, association.state)
    if state is None:
        raise _Invalid
    if kind in (_INIT, _INIT_ACK):
        association = _after_init(association, direction, kind, body)
    return replace(association, state=state)


def _after_heartbeat(association: Sctp, direction: int, tag: int, *, has_data: bool) -> Sctp:
    own = association.tags[direction]
    if own == 0:
        return replace(association, tags=_put(association.tags, direction, tag))
    if own == tag:
        return replace(association, failed_heartbeat=None)
    if has_data or association.failed_heartbeat in (None, direction):
        raise _Invalid
    tags = _put(_put(association.tags, direction, tag), 1 - direction, 0)
    return replace(association, failed_heartbeat=None, tags=tags)


def _after_init(association: Sctp, direction: int, kind: int, body: bytes) -> Sctp:
    if len(body) < 20:
        raise _Invalid
    tag, known, (mine, theirs) = _initiate_tag(body), association.tags[1 - direction], association.inits
    if direction == REPLY:
        mine, theirs = theirs, mine
    if kind == _INIT and tag == known:
        return association
    if kind == _INIT:
        seen = [False, False]
        seen[direction], seen[1 - direction] = True, theirs and not mine
        association = replace(association, inits=(seen[0], seen[1]))
    elif (not theirs and known and known != tag) or (mine and theirs and known != tag):
        raise _Invalid
    return replace(association, tags=_put(association.tags, 1 - direction, tag))


def _put(pair: tuple[int, int], index: int, value: int) -> tuple[int, int]:
    return (value, pair[1]) if index == 0 else (pair[0], value)


def _next(kind: int, direction: int, state: str) -> str | None:
    """None: the packet does not fit. Data and other chunks change nothing."""
    if kind not in _NEXT:
        return state
    return _SHORT.get(_NEXT[kind][direction].split()[_STATES.index(state)])


def _initiate_tag(body: bytes) -> int:
    return int.from_bytes(body[4:8], "big")


def _read(raw: bytes) -> tuple[list[Chunk], int]:
    found = wire.layout(raw)
    body = raw[found.offset : found.end]
    return wire.sctp_chunks(body), int.from_bytes(body[4:8], "big")


def _is_sound(raw: bytes, chunks: list[Chunk]) -> bool:
    """Chunks that have to be alone are, those that have to be first are, and none has the length 0."""
    found = wire.layout(raw)
    body = raw[found.offset : found.end]
    behind = 12 + sum(len(chunk) + 3 & ~3 for _, _, chunk in chunks)
    odd = len(body) - behind >= 4
    kinds = [kind for kind, _, _ in chunks]
    return (
        bool(kinds)
        and not odd
        and not any(k in _FIRST for k in kinds[1:])
        and (len(kinds) == 1 or (not any(k in _ALONE for k in kinds[:-1]) and kinds[-1] not in _ALONE))
    )
