"""What conntrack makes of the first packet of a connection, and what NAT does to it.

Sources: net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_{tcp,icmp,icmpv6}.c, nf_nat_core.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from ruleparse.codec import Codec
from ruleparse.netfilter import fields
from ruleparse.netfilter.fields import (
    CONFIRMED,
    DST_NAT,
    GRE,
    ICMP,
    ICMP6,
    INVALID,
    NEW,
    RELATED,
    SCTP,
    SPOILT_HERE,
    SRC_NAT,
    TCP,
    UNTRACKED,
)
from ruleparse.netfilter.quirks import SHORTER
from ruleparse.netfilter.settings import is_on
from ruleparse.netfilter.tracking.connection import PORTED
from ruleparse.netfilter.tracking.icmp_errors import REQUESTS, REQUESTS6
from ruleparse.netfilter.tracking.protocols import opens
from ruleparse.netfilter.tracking.segment import ACK, FIN, RST, SYN
from ruleparse.netfilter.tracking.tables import CONNECTIONS, MAPPED, TAKEN
from ruleparse.netfilter.tracking.tcp import LOOKED_AT, SENSIBLE_FLAGS
from ruleparse.netfilter.values import any_of_bits, differs
from ruleparse.packet import assumption
from ruleparse.program import Action, Call, Copy, Havoc, Key, Masked, Return, Rule, Set, Stop, Table, Test

_NEVER_TRACKED_ICMP6 = (*range(130, 137), 143)
"""Neighbour discovery and multicast listener reports (nf_conntrack_proto_icmpv6.c, noct_valid_new)."""

TRACKED = fields.ESTABLISHED | RELATED | NEW
_PREROUTING = fields.HOOKS.index("PREROUTING")


def conntrack_table(family: int, sysctl: Mapping[str, str]) -> Table:
    """The connection of a packet: that of an earlier one, or its own, unless somebody said otherwise (`ct_given`)."""
    summed = is_on(sysctl, "net.netfilter.nf_conntrack_checksum")
    icmp = ICMP if family == 4 else ICMP6
    return Table(
        "conntrack",
        [
            Rule((Masked("ct_state", UNTRACKED, -1),), (Return(),)),
            Rule((Masked("ct_state", NEW, -1),), (Set("ct_status", 0, CONFIRMED),)),
            Rule(
                (Masked("ct_given", 0, -1, negated=True),),
                (Copy("ct_state", "ct_given"), *_SETTLED, Call("new connection"), Return()),
            ),
            _invalid(Masked("well_formed", 0, -1)),
            _invalid(Masked("checksum_right", 1, -1, negated=True), Masked("hook", _PREROUTING, -1), *summed),
            *([_untracked(kind) for kind in _NEVER_TRACKED_ICMP6] if family == 6 else []),
            _invalid(Masked("proto", TCP, -1), *(Masked("tcp_flags", f, LOOKED_AT, True) for f in SENSIBLE_FLAGS)),
            Rule((), (Call(CONNECTIONS),)),
            Rule((Masked("ct_known", 1, -1),), (Return(),)),
            _invalid(Masked("proto", SCTP, -1), Test(_OPENS, None, negated=True)),
            *_tcp_that_starts_nothing(is_on(sysctl, "net.netfilter.nf_conntrack_tcp_loose", off=True)),
            *_icmp_that_starts(icmp, tuple(REQUESTS if family == 4 else REQUESTS6)),
            Rule((), (Set("ct_state", NEW), Set("ct_began", 1), Call("new connection"))),
        ],
    )


_OPENS = Key(("opens",), Codec("", str), lambda _value, packet, _world: opens(packet))

_SETTLED = (Set("dst_nat_done", 1), Set("src_nat_done", 1))


def new_connection(family: int) -> Table:
    """The two directions of a connection that nothing has translated yet.

    An ICMP request has its identifier for a source port and type and code for a destination port; so has the reply.
    """
    ends = {"ct_proto": "proto", "ct_src": "src", "ct_dst": "dst", "ct_reply_src": "dst", "ct_reply_dst": "src"}
    ports = {"ct_sport": "sport", "ct_dport": "dport", "ct_reply_sport": "dport", "ct_reply_dport": "sport"}
    icmp, answers = (ICMP, REQUESTS) if family == 4 else (ICMP6, REQUESTS6)
    kind = (Copy("ct_dport", "icmp_type", left=8), Copy("ct_dport", "icmp_code", 0xFF))
    echo = (Copy("ct_sport", "icmp_id"), Copy("ct_reply_sport", "icmp_id"), Copy("ct_reply_dport", "icmp_code"), *kind)
    return Table(
        "new connection",
        [
            Rule((), tuple(Copy(to, source) for to, source in ends.items())),
            Rule((Masked("proto", icmp, -1),), echo),
            *(
                Rule(
                    (Masked("proto", icmp, -1), Masked("icmp_type", asks, -1)),
                    (Set("ct_reply_dport", says << 8, 0xFF00),),
                )
                for asks, says in answers.items()
            ),
            *_for_each(PORTED, (), tuple(Copy(to, source) for to, source in ports.items())),
        ],
    )


def _untracked(kind: int) -> Rule:
    return Rule((Masked("proto", ICMP6, -1), Masked("icmp_type", kind, -1)), (Set("ct_state", UNTRACKED), Return()))


def _invalid(*tests: Masked | Test) -> Rule:
    return Rule(tests, (Set("ct_state", INVALID), Return()))


def _tcp_that_starts_nothing(strict: tuple[Test, ...]) -> list[Rule]:
    """From no connection: SYN alone, or an ACK taken up in mid-stream if that is allowed (tcp_conntracks, row sNO)."""
    tcp, in_mid_stream = Masked("proto", TCP, -1), Masked("tcp_flags", 0, SYN)
    never = (Masked("tcp_flags", flags, flags) for flags in (RST, SYN | ACK, FIN))
    return [*(_invalid(tcp, kind) for kind in never), _invalid(tcp, in_mid_stream, *strict)]


def _icmp_that_starts(protocol: int, kinds: tuple[int, ...]) -> list[Rule]:
    """Only requests start a connection; errors and replies would have to belong to one."""
    is_icmp = Masked("proto", protocol, -1)
    others = tuple(Masked("icmp_type", kind, -1, negated=True) for kind in kinds)
    return [_invalid(is_icmp, *others)]


# NAT: each side of a connection is settled once; its later packets are translated as the first one was, answers back


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a packet that NAT may change: its fields, where the connection keeps what they were, and what the
    answers will carry; `keeps` are the fields for translations of packets that come later, by status bit.
    """

    address: str
    port: str
    status: int
    done: str
    rule: str
    before: tuple[str, str]
    answers: tuple[str, str]
    keeps: Mapping[int, tuple[str, str]]


_DESTINATION = _Side(
    "dst", "dport", DST_NAT, "dst_nat_done", "dst_nat_rule", ("ct_dst", "ct_dport"), ("ct_reply_src", "ct_reply_sport"),
    {DST_NAT: ("ct_reply_src", "ct_reply_sport"), SRC_NAT: ("ct_src", "ct_sport")},
)  # fmt: skip
_SOURCE = _Side(
    "src", "sport", SRC_NAT, "src_nat_done", "src_nat_rule", ("ct_src", "ct_sport"), ("ct_reply_dst", "ct_reply_dport"),
    {SRC_NAT: ("ct_reply_dst", "ct_reply_dport"), DST_NAT: ("ct_dst", "ct_dport")},
)  # fmt: skip


def settle_destination(call: Call) -> list[Rule]:
    """PREROUTING or OUTPUT: ask the nat table where to; then the reply will come from there."""
    return [*_spoilt_refused(), *_redirects_refused(), *_settle(call, _DESTINATION), *_translated_before(_DESTINATION)]


def settle_source(call: Call) -> list[Rule]:
    """POSTROUTING or INPUT: ask the nat table who from; then the reply will go there."""
    return [*_redirects_refused(), *_settle(call, _SOURCE), *_translated_before(_SOURCE)]


# ICMP errors that NAT does not let pass (nf_nat_icmp_reply_translation, nf_nat_icmpv6_reply_translation). The checksum
# is summed once: what prefix translation spoils after conntrack has looked is not seen, unless other octets of the
# header have changed as well: they are part of the sum that is kept (nf_ip6_checksum).

_ERROR = Masked("ct_error", 1, -1)
_REDIRECTS = ((ICMP, 5), (ICMP6, 137))


def _spoilt_refused() -> list[Rule]:
    refused = (Stop("drop", "an ICMP error whose checksum is wrong"),)
    spoilt_here = (Masked("checksum_right", SPOILT_HERE, -1), Masked("hook", _PREROUTING, -1, negated=True))
    first = (_ERROR, Masked("looped", 0, -1))
    summed_again = ((Masked("checksum_right", SPOILT_HERE, -1), differs(f, f"old_{f}")) for f in ("tos", "ttl"))
    seen = ((Masked("checksum_right", 0, -1),), spoilt_here, *summed_again)
    return [Rule((*first, *tests), refused) for tests in seen]


def _redirects_refused() -> list[Rule]:
    tests = (_ERROR, any_of_bits("ct_status", SRC_NAT | DST_NAT))
    kinds = ((Masked("proto", proto, -1), Masked("icmp_type", kind, -1)) for proto, kind in _REDIRECTS)
    return [Rule((*tests, *kind), (Stop("drop", "a redirect for what NAT translates"),)) for kind in kinds]


def _translated_before(side: _Side) -> list[Rule]:
    """In ICMP errors only addresses change, in pings the identifier does (nf_nat_manip_pkt)."""
    later, looped = Masked("ct_known", 1, -1), (Masked("ct_known", 0, -1), Masked("looped", 1, -1))
    rules = []
    for (direction, kept), met in product(enumerate(side.keeps.items()), ((later,), looped)):
        bit, (its_address, its_port) = kept
        applies = (*met, Masked("ct_dir", direction, -1), any_of_bits("ct_status", bit))
        known = (*applies, any_of_bits("ct_state", TRACKED))
        its_id = (Copy("icmp_id", "ct_reply_sport" if direction == 0 else "ct_sport"),)
        rules += [
            *_gre_that_stays(side, known),
            Rule(known, (Copy(side.address, its_address),)),
            *_for_each(PORTED, known, (Copy(side.port, its_port),)),
            *_for_each(_PINGS, (*known, Masked("ct_error", 0, -1)), its_id),
        ]
    return rules


_PINGS = (ICMP, ICMP6)


def _gre_that_stays(side: _Side, tests: tuple[Masked | Test, ...]) -> list[Rule]:
    """Headers that cannot be translated; a new source leaves GRE's own header alone (gre_manip_pkt)."""
    is_gre, unknown = Masked("proto", GRE, -1), Stop("drop", "NAT does not know this GRE header")
    short, odd = Test(SHORTER, 8), Masked("gre_version", 0, 6, negated=True)
    return [Rule((*tests, is_gre, one), (unknown,)) for one in ((short, odd) if side is _DESTINATION else (short,))]


def _for_each(protocols: Iterable[int], tests: tuple[Masked | Test, ...], actions: tuple[Action, ...]) -> list[Rule]:
    return [Rule((Masked("proto", proto, -1), *tests), actions) for proto in protocols]


def _settle(call: Call, side: _Side) -> list[Rule]:
    fresh = (Masked(side.done, 0, -1), any_of_bits("ct_state", NEW | RELATED))
    translated = (*fresh, Masked(side.rule, 0, -1, negated=True))
    moved = (*translated, differs(side.address, side.before[0]))
    changed = (Set("ct_status", side.status, side.status),)
    port, ping = differs(side.port, side.before[1]), differs("icmp_id", "ct_sport")
    return [
        Rule(fresh, (call,)),
        *_gre_that_stays(side, moved),
        Rule(translated, (Copy(side.answers[0], side.address),)),
        *_for_each(PORTED, translated, (Copy(side.answers[1], side.port),)),
        *_for_each(_PINGS, translated, (Copy("ct_reply_sport", "icmp_id"),)),
        Rule(moved, changed),
        *_for_each(PORTED, (*translated, port), changed),
        *_for_each(_PINGS, (*translated, ping), changed),
        *(_make_unique(fresh) if side is _SOURCE else _free_port(translated)),
        Rule((any_of_bits("ct_state", NEW | RELATED),), (Set(side.done, 1),)),
    ]


# Answers must find their way: a source port that would make them look like packets of another connection is changed,
# whether a rule translates or not (get_unique_tuple).


def _make_unique(fresh: tuple[Masked, ...]) -> list[Rule]:
    began, taken = Masked("ct_began", 1, -1), (Masked("tuple_taken", 1, -1), Masked("port_fixed", 0, -1))
    changed = Set("ct_status", SRC_NAT, SRC_NAT)
    back = (Copy("ct_reply_dport", "sport"), changed, Set("tuple_taken", 0))
    given = (began, differs("src", "ct_src"), Masked("port_fixed", 0, -1))
    rules = [Rule((*fresh, *given), (Call(MAPPED),)), Rule((*fresh, began), (Set("tuple_taken", 0), Call(TAKEN)))]
    for proto in PORTED:
        for bits_of_kind, low, high in _KINDS_OF_PORTS:
            tests = (*fresh, *taken, Masked("proto", proto, -1), *bits_of_kind)
            rules.append(Rule(tests, (_another("sport", low, high), *back)))
    for proto in _PINGS:
        another = (_another("icmp_id", 0, 0xFFFF), Copy("ct_reply_sport", "icmp_id"), changed, Set("tuple_taken", 0))
        rules.append(Rule((*fresh, *taken, Masked("proto", proto, -1)), another))
    return rules


def _free_port(translated: tuple[Masked, ...]) -> list[Rule]:
    """A destination's port that is taken is left out where a rule names several."""
    ranged = (*translated, Masked("port_ranged", 1, -1), Masked("ct_began", 1, -1))
    taken = (*ranged, Masked("tuple_taken", 1, -1))
    another = (_another("dport", 0, 0xFFFF), Copy("ct_reply_sport", "dport"), Set("tuple_taken", 0))
    asked = Rule(ranged, (Set("tuple_taken", 0), Call(TAKEN)))
    return [asked, *_for_each(PORTED, (*taken, any_of_bits("ct_state", NEW)), another)]


_KINDS_OF_PORTS: tuple[tuple[tuple[Masked, ...], int, int], ...] = (
    ((Masked("sport", 0, 0xFE00),), 1, 511),
    ((Masked("sport", 0x200, 0xFE00),), 600, 1023),
    ((any_of_bits("sport", 0xFC00),), 1024, 65535),
)
"""Below 512, below 1024, and above; ports stay in their kind."""


def _another(field: str, low: int, high: int) -> Havoc:
    question = f"the {field} that the kernel picks, the packet's own being taken by another connection"
    return Havoc(field, low, high, assumption(question, "conntrack -L"))


def confirm() -> list[Rule]:
    """At the end of its way a new connection is kept, unless its answers belong to another (__nf_conntrack_confirm)."""
    began = (Masked("ct_began", 1, -1), Masked("ct_status", 0, CONFIRMED))
    return [
        Rule(began, (Set("tuple_taken", 0), Call(TAKEN))),
        Rule((*began, Masked("tuple_taken", 1, -1)), (Stop("drop", "its answers would belong to another connection"),)),
        Rule(began, (Set("ct_status", CONFIRMED, CONFIRMED),)),
    ]
