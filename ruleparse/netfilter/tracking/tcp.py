"""How conntrack follows a TCP connection: its states, and the window in which segments have to be.

Source: net/netfilter/nf_conntrack_proto_tcp.c of Linux 6; the window is that of G. van Rooij, "Real Stateful TCP
Packet Filtering in IP Filter".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from ruleparse.netfilter.tracking.judged import ORIGINAL, REPLY, Judged
from ruleparse.netfilter.tracking.segment import ACK, FIN, RST, SYN, URG, Segment
from ruleparse.netfilter.tracking.tcp_settings import Settings


class State(IntEnum):
    """enum tcp_conntrack; the last two are no states but what the table says of packets."""

    NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2 = range(10)
    INVALID, IGNORED = 10, 11


class Kind(IntEnum):
    """What a segment is by its flags."""

    SYN, SYNACK, FIN, ACK, RST, NONE = range(6)


_SHORT = {
    "no": State.NONE, "ss": State.SYN_SENT, "sr": State.SYN_RECV, "es": State.ESTABLISHED, "fw": State.FIN_WAIT,
    "cw": State.CLOSE_WAIT, "la": State.LAST_ACK, "tw": State.TIME_WAIT, "cl": State.CLOSE, "s2": State.SYN_SENT2,
    "--": State.INVALID, "..": State.IGNORED,
}  # fmt: skip


def _row(text: str) -> tuple[State, ...]:
    return tuple(_SHORT[word] for word in text.split())


_NEXT = {
    #                         from: no ss sr es fw cw la tw cl s2
    (ORIGINAL, Kind.SYN): _row("    ss ss .. .. .. .. .. ss ss s2"),
    (ORIGINAL, Kind.SYNACK): _row(" -- -- sr -- -- -- -- -- -- sr"),
    (ORIGINAL, Kind.FIN): _row("    -- -- fw fw la la la tw cl --"),
    (ORIGINAL, Kind.ACK): _row("    es -- es es cw cw tw tw cl --"),
    (ORIGINAL, Kind.RST): _row("    -- cl cl cl cl cl cl cl cl cl"),
    (ORIGINAL, Kind.NONE): _row("   -- -- -- -- -- -- -- -- -- --"),
    (REPLY, Kind.SYN): _row("       -- s2 -- -- -- -- -- ss -- s2"),
    (REPLY, Kind.SYNACK): _row("    -- sr .. .. .. .. .. .. .. sr"),
    (REPLY, Kind.FIN): _row("       -- -- fw fw la la la tw cl --"),
    (REPLY, Kind.ACK): _row("       -- .. sr es cw cw tw tw cl .."),
    (REPLY, Kind.RST): _row("       -- cl cl cl cl cl cl cl cl cl"),
    (REPLY, Kind.NONE): _row("      -- -- -- -- -- -- -- -- -- --"),
}

SENSIBLE_FLAGS = (SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG)
LOOKED_AT = FIN | SYN | RST | ACK | URG
"""Segments with other flags than these belong to no connection; PSH, ECE and CWR do not count (tcp_valid_flags)."""

_LEAST_ACK_WINDOW = 66000


@dataclass(frozen=True, slots=True)
class Side:
    """What one end has sent, and allows the other to send: struct ip_ct_tcp_state."""

    end: int = 0
    max_end: int = 0
    max_window: int = 0
    max_ack: int | None = None
    shift: int = 0
    scales: bool = False
    allows_sack: bool = False
    closes: bool = False
    liberal: bool = False


@dataclass(frozen=True, slots=True)
class Tcp:
    """A connection so far: struct ip_ct_tcp. What is `last` is of the segment before."""

    state: State
    sides: tuple[Side, Side] = (Side(), Side())
    last_kind: Kind = Kind.NONE
    last_direction: int = ORIGINAL
    last_end: int = 0
    last_window: int = 0
    last_challenge: int | None = None
    """what an ACK acknowledged that answered a SYN"""
    last: Side = Side()
    """options of an ignored SYN"""
    may_be_challenged: bool = False
    simultaneous: bool = False

    def with_side(self, direction: int, side: Side) -> Tcp:
        return replace(self, sides=(side, self.sides[REPLY]) if direction == ORIGINAL else (self.sides[ORIGINAL], side))


def kind_of(flags: int) -> Kind:
    if flags & RST:
        return Kind.RST
    if flags & SYN:
        return Kind.SYNACK if flags & ACK else Kind.SYN
    return Kind.FIN if flags & FIN else Kind.ACK if flags & ACK else Kind.NONE


def before(a: int, b: int) -> bool:
    """Whether sequence number a lies before b."""
    return (a - b) & 0x80000000 != 0


def after(a: int, b: int) -> bool:
    return before(b, a)


def begin(s: Segment) -> Judged:
    """The first segment of a connection: a SYN, or one from the middle, which is taken for liberal."""
    state = _NEXT[ORIGINAL, kind_of(s.flags)][State.NONE]
    if state is State.INVALID:
        return Judged("invalid", None)
    if state is State.SYN_SENT:
        first = _options(Side(s.end, s.end, s.window or 1), s)
        fresh = Tcp(State.NONE, (first, Side()))
    else:
        mid = Side(s.end, s.end + (s.window or 1) & 0xFFFFFFFF, s.window or 1, allows_sack=True, liberal=True)
        fresh = Tcp(State.NONE, (mid, Side(allows_sack=True, liberal=True)))
    return follow(fresh, ORIGINAL, s, Settings(False, False), seen_reply=False, assured=False)


def follow(tcp: Tcp, direction: int, s: Segment, settings: Settings, *, seen_reply: bool, assured: bool) -> Judged:
    """One more segment: nf_conntrack_tcp_packet."""
    kind = kind_of(s.flags)
    old, new = tcp.state, _NEXT[direction, kind][tcp.state]
    if new is State.INVALID:
        return Judged("invalid", tcp)
    if new is State.SYN_SENT and old >= State.TIME_WAIT:
        aborted = tcp.last_direction == direction and tcp.last_kind is Kind.RST
        if aborted or any(side.closes for side in tcp.sides):
            return Judged("anew", tcp)
        new = State.IGNORED
    if new is State.IGNORED:
        synced = _synced(tcp, direction, s, kind)
        if synced is None:
            return Judged("valid", _ignored(tcp, direction, s, kind), counted=False)
        tcp, old, new = synced, State.SYN_SENT, State.SYN_RECV
    elif new is State.TIME_WAIT and _is_challenge_ack(tcp, direction, kind):
        return Judged("valid", replace(tcp, may_be_challenged=False), counted=False)
    elif new is State.SYN_SENT2:
        tcp = replace(tcp, simultaneous=True)
    elif new is State.SYN_RECV and direction == REPLY and kind is Kind.ACK and tcp.simultaneous:
        new = State.ESTABLISHED
    elif new is State.CLOSE and kind is Kind.RST:
        led = _reset(tcp, direction, s, settings, seen_reply, assured)
        if led is None:
            return Judged("invalid", tcp)
        new, anyway = led
        if anyway:
            return _in_window(tcp, direction, s, kind, old, new, seen_reply, assured)
    fits, tcp = _fits(tcp, direction, s, settings)
    if fits == "invalid":
        return Judged("invalid", _noting_end(tcp, direction, kind) if assured else tcp)
    if fits == "ignored":
        return Judged("valid", tcp, counted=False)
    return _in_window(tcp, direction, s, kind, old, new, seen_reply, assured)


def _in_window(
    tcp: Tcp, direction: int, s: Segment, kind: Kind, old: State, new: State, seen_reply: bool, assured: bool
) -> Judged:
    tcp = replace(tcp, state=new, last_kind=kind, last_direction=direction)
    if new is State.FIN_WAIT and old is not new:
        tcp = tcp.with_side(direction, replace(tcp.sides[direction], closes=True))
    if not seen_reply:
        sent_again = kind is Kind.SYN and old is State.SYN_SENT
        return Judged("last" if s.flags & RST else "valid", tcp, counted=not sent_again)
    answered = old in (State.SYN_RECV, State.ESTABLISHED) and new is State.ESTABLISHED
    return Judged("valid", tcp, assured=answered and not assured)


# Packets that are let through although conntrack and the two ends may not be in sync


def _synced(tcp: Tcp, direction: int, s: Segment, kind: Kind) -> Tcp | None:
    """A SYN-ACK that answers a SYN which was ignored: the ends have begun anew, and conntrack follows."""
    answers = kind is Kind.SYNACK and tcp.last_kind is Kind.SYN and tcp.last_direction != direction
    if not answers or s.ack != tcp.last_end:
        return None
    began = replace(tcp.last, end=tcp.last_end, max_end=tcp.last_end, max_window=tcp.last_window or 1)
    fresh = replace(tcp, state=State.SYN_SENT, may_be_challenged=False)
    return fresh.with_side(tcp.last_direction, began).with_side(direction, Side(liberal=tcp.sides[direction].liberal))


def _ignored(tcp: Tcp, direction: int, s: Segment, kind: Kind) -> Tcp:
    noted = replace(tcp, last_kind=kind, last_direction=direction, last_end=s.end, last_window=s.window)
    if kind is Kind.SYN and direction == ORIGINAL:
        return replace(noted, last=_options(Side(), s), may_be_challenged=tcp.state is State.LAST_ACK)
    if kind is Kind.ACK and direction == REPLY and tcp.state is State.SYN_SENT:
        return replace(noted, last_challenge=s.ack)
    return noted


def _is_challenge_ack(tcp: Tcp, direction: int, kind: Kind) -> bool:
    """The answer to a stray SYN is not the last ACK (RFC 5961)."""
    in_last_ack = tcp.state is State.LAST_ACK and kind is Kind.ACK
    return in_last_ack and tcp.last_direction != direction and tcp.last_kind is Kind.SYN and tcp.may_be_challenged


_CLOSING = (State.FIN_WAIT, State.CLOSE_WAIT, State.LAST_ACK, State.TIME_WAIT, State.CLOSE)


def _reset(
    tcp: Tcp, direction: int, s: Segment, settings: Settings, seen_reply: bool, assured: bool
) -> tuple[State, bool] | None:
    """The state that a reset leads to, and whether it does so in or out of the window; None if it is not believed."""
    if tcp.state in _CLOSING:
        return State.CLOSE, True
    max_ack = tcp.sides[1 - direction].max_ack
    new, established = State.CLOSE, tcp.state is State.ESTABLISHED and assured
    if max_ack is not None and tcp.last_kind is not Kind.SYN:
        if s.seq == 0 and not established:
            return State.CLOSE, False
        if before(s.seq, max_ack) and not settings.ignore_invalid_rst:
            return None
        in_train = tcp.last_kind is Kind.ACK and tcp.last_direction == direction and s.seq == tcp.last_end
        if not established or s.seq == max_ack or in_train:
            return State.CLOSE, False
        new = tcp.state
    return new, _answers_what_was_ignored(tcp, direction, s, seen_reply, assured)


def _answers_what_was_ignored(tcp: Tcp, direction: int, s: Segment, seen_reply: bool, assured: bool) -> bool:
    syn = seen_reply and tcp.last_kind is Kind.SYN and tcp.last_direction != direction
    ack = not assured and tcp.last_kind is Kind.ACK
    challenged = tcp.state is State.SYN_SENT and tcp.last_kind is Kind.ACK and tcp.last_direction == REPLY
    return ((syn or ack) and s.ack == tcp.last_end) or (challenged and s.seq == tcp.last_challenge)


def _noting_end(tcp: Tcp, direction: int, kind: Kind) -> Tcp:
    """An assured connection takes note of a FIN or RST out of window."""
    if kind not in (Kind.FIN, Kind.RST) or (tcp.last_direction != direction and tcp.last_kind in (Kind.FIN, Kind.RST)):
        return tcp
    return replace(tcp, last_kind=kind, last_direction=direction)


# The window: tcp_in_window


def _options(side: Side, s: Segment) -> Side:
    """The options of a SYN; where there are any, all that was known of this end but its window is forgotten."""
    if not s.has_options:
        return side
    scales = s.shift is not None
    return replace(side, shift=s.shift or 0, scales=scales, allows_sack=s.allows_sack, max_ack=None, closes=False)


def _begun(sender: Side, receiver: Side, direction: int, s: Segment) -> tuple[Side, Side]:
    """An end whose first SYN this is. Windows are scaled if both want it."""
    sender = _options(replace(sender, end=s.end, max_end=s.end, max_window=s.window or 1), s)
    if direction == REPLY and not (sender.scales and receiver.scales):
        return replace(sender, shift=0), replace(receiver, shift=0)
    return sender, receiver


def _fits(tcp: Tcp, direction: int, s: Segment, settings: Settings) -> tuple[str, Tcp]:
    """ "ok", "ignored" or "invalid", and what is known of the two ends then."""
    sender, receiver = tcp.sides[direction], tcp.sides[1 - direction]

    def told(word: str) -> tuple[str, Tcp]:
        liberal = sender.liberal or settings.be_liberal
        sides = tcp.with_side(direction, sender).with_side(1 - direction, receiver)
        return ("ok" if liberal else word), sides

    window, ack, seq, end = s.window, s.ack, s.seq, s.end
    sack = ack
    if receiver.allows_sack:
        for edge in s.blocks:
            sack = edge if after(edge, sack) else sack
    restarts = s.flags & SYN and after(end, sender.end) and tcp.state in (State.SYN_SENT, State.SYN_RECV)
    if sender.max_window == 0 and not s.flags & SYN:
        wide = (window << sender.shift) or 1
        sender = replace(sender, end=end, max_window=wide, max_end=end + wide & 0xFFFFFFFF)
        if receiver.max_window == 0:
            receiver = replace(receiver, end=sack, max_end=sack)
        elif sack == (receiver.end + 1) & 0xFFFFFFFF:
            receiver = replace(receiver, end=sack)
    elif sender.max_window == 0 or restarts:
        first = sender.max_window == 0
        sender, receiver = _begun(sender, receiver, direction, s)
        if not s.flags & ACK and (first or direction == REPLY):
            return "ok", tcp.with_side(direction, sender).with_side(1 - direction, receiver)
    if not s.flags & ACK or (s.flags & RST and ack == 0):
        ack = sack = receiver.end
    if s.flags & RST and seq == 0 and tcp.state is State.SYN_SENT:
        seq = end = sender.end

    low_ack = (receiver.end - max(sender.max_window, _LEAST_ACK_WINDOW) - 1) & 0xFFFFFFFF
    low_end = (sender.end - receiver.max_window - 1) & 0xFFFFFFFF
    ack_is_new_enough, ack_is_old_enough = after(sack, low_ack), before(sack, receiver.end + 1)
    if not before(seq, sender.max_end + 1):
        overshot = (end - sender.max_end + 1) & 0xFFFFFFFF
        received = receiver.max_window != 0 and after(end, low_end)
        if received and ack_is_new_enough and overshot <= receiver.max_window and ack_is_old_enough:
            sender = replace(sender, end=end)
            return told("ignored")
        return told("invalid")
    if not ack_is_old_enough:
        return told("invalid")
    if (receiver.max_window != 0 and not after(end, low_end)) or not ack_is_new_enough:
        return told("ignored")

    if not s.flags & SYN:
        window <<= sender.shift
    wide = window + ((sack - ack) & 0xFFFFFFFF)
    beyond = after(end, sender.max_end)
    sender = replace(
        sender,
        max_window=max(sender.max_window, wide),
        end=end if after(end, sender.end) else sender.end,
        max_ack=_later(sender.max_ack, ack) if s.flags & ACK else sender.max_ack,
    )
    if receiver.max_window != 0 and beyond:
        receiver = replace(receiver, max_window=receiver.max_window + ((end - sender.max_end) & 0xFFFFFFFF))
    allowed = (sack + window) & 0xFFFFFFFF
    if after(allowed, (receiver.max_end - 1) & 0xFFFFFFFF):
        receiver = replace(receiver, max_end=(allowed + (window == 0)) & 0xFFFFFFFF)
    if kind_of(s.flags) is Kind.ACK:
        tcp = replace(tcp, last_end=s.end, last_window=s.window)
    return "ok", tcp.with_side(direction, sender).with_side(1 - direction, receiver)


def _later(known: int | None, ack: int) -> int:
    return ack if known is None or after(ack, known) else known
