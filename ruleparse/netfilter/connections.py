"""What conntrack makes of the first packet of a connection, and what NAT does to it.

Sources: net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_{tcp,icmp,icmpv6}.c, nf_nat_core.c.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    SRC_NAT,
    TCP,
    UDP,
    UDPLITE,
    UNTRACKED,
)
from ruleparse.netfilter.quirks import SHORTER
from ruleparse.netfilter.tracking.icmp_errors import REQUESTS, REQUESTS6
from ruleparse.netfilter.tracking.protocols import opens
from ruleparse.netfilter.tracking.tables import CONNECTIONS, TAKEN
from ruleparse.netfilter.values import any_of_bits, differs
from ruleparse.packet import assumption
from ruleparse.program import Call, Copy, Havoc, Key, Masked, Return, Rule, Set, Stop, Table, Test

_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_NEVER_TRACKED_ICMP6 = (*range(130, 137), 143)
"""Neighbour discovery and multicast listener reports (nf_conntrack_proto_icmpv6.c, noct_valid_new)."""

TRACKED = fields.ESTABLISHED | RELATED | NEW


def conntrack_table(family: int, sysctl: Mapping[str, str]) -> Table:
    """The connection of a packet: that of an earlier one, or its own, unless somebody said otherwise (`ct_given`)."""
    summed = sysctl.get("net.netfilter.nf_conntrack_checksum") != "0"
    icmp = ICMP if family == 4 else ICMP6
    return Table(
        "conntrack",
        [
            Rule((Masked("ct_state", UNTRACKED, -1),), (Return(),)),
            *([_untracked(kind) for kind in _NEVER_TRACKED_ICMP6] if family == 6 else []),
            Rule(
                (Masked("ct_given", 0, -1, negated=True),),
                (Copy("ct_state", "ct_given"), *_SETTLED, Call("new connection"), Return()),
            ),
            _invalid(Masked("well_formed", 0, -1)),
            *([_invalid(Masked("checksum_right", 0, -1), Masked("local", 0, -1))] if summed else []),
            Rule((), (Call(CONNECTIONS),)),
            Rule((Masked("ct_known", 1, -1),), (Return(),)),
            _invalid(Masked("proto", SCTP, -1), Test(_OPENS, None, negated=True)),
            *_tcp_that_starts_nothing(sysctl.get("net.netfilter.nf_conntrack_tcp_loose") != "0"),
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
            Rule((Masked("proto", icmp, -1),), (Return(),)),
            Rule((), tuple(Copy(to, source) for to, source in ports.items())),
        ],
    )


def _untracked(kind: int) -> Rule:
    return Rule((Masked("proto", ICMP6, -1), Masked("icmp_type", kind, -1)), (Set("ct_state", UNTRACKED), Return()))


def _invalid(*tests: Masked | Test) -> Rule:
    return Rule(tests, (Set("ct_state", INVALID), Return()))


def _tcp_that_starts_nothing(loose: bool) -> list[Rule]:
    """From no connection: SYN alone, or an ACK taken up in mid-stream if that is allowed (tcp_conntracks, row sNO)."""
    tcp = Masked("proto", TCP, -1)
    with_syn = (Masked("tcp_flags", _SYN | _ACK, _SYN | _ACK), Masked("tcp_flags", _SYN | _FIN, _SYN | _FIN))
    without = (Masked("tcp_flags", _FIN, _FIN), Masked("tcp_flags", 0, _SYN | (_ACK if loose else 0)))
    return [_invalid(tcp, Masked("tcp_flags", _RST, _RST)), *(_invalid(tcp, t) for t in (*with_syn, *without))]


def _icmp_that_starts(protocol: int, kinds: tuple[int, ...]) -> list[Rule]:
    """Only requests start a connection; errors and replies would have to belong to one."""
    is_icmp = Masked("proto", protocol, -1)
    others = tuple(Masked("icmp_type", kind, -1, negated=True) for kind in kinds)
    return [_invalid(is_icmp, *others)]


# NAT: each side of a connection is settled once; its later packets are translated as the first one was, answers back


def settle_destination(call: Call) -> list[Rule]:
    """PREROUTING or OUTPUT: ask the nat table where to; then the reply will come from there."""
    changed = (Set("ct_status", DST_NAT, DST_NAT),)
    reply = (Copy("ct_reply_src", "dst"), Copy("ct_reply_sport", "dport"))
    return [
        *_settle(call, "dst_nat_done", "dst_nat_rule", (("dst", "ct_dst"), ("dport", "ct_dport")), changed, reply),
        *_translated_before(
            "dst", "dport", {DST_NAT: ("ct_reply_src", "ct_reply_sport"), SRC_NAT: ("ct_src", "ct_sport")}
        ),
    ]


def settle_source(call: Call) -> list[Rule]:
    """POSTROUTING or INPUT: ask the nat table who from; then the reply will go there."""
    changed = (Set("ct_status", SRC_NAT, SRC_NAT),)
    reply = (Copy("ct_reply_dst", "src"), Copy("ct_reply_dport", "sport"))
    return [
        *_settle(call, "src_nat_done", "src_nat_rule", (("src", "ct_src"), ("sport", "ct_sport")), changed, reply),
        *_translated_before(
            "src", "sport", {SRC_NAT: ("ct_reply_dst", "ct_reply_dport"), DST_NAT: ("ct_dst", "ct_dport")}
        ),
    ]


def _translated_before(address: str, port: str, by: Mapping[int, tuple[str, str]]) -> list[Rule]:
    """`by` names, for packets of the original direction and for answers, the translation that applies, and to what.

    In ICMP errors only addresses change, in pings the identifier does (nf_nat_manip_pkt).
    """
    rules = []
    for direction, (bit, (its_address, its_port)) in enumerate(by.items()):
        applies = (Masked("ct_known", 1, -1), Masked("ct_dir", direction, -1), any_of_bits("ct_status", bit))
        known = (*applies, any_of_bits("ct_state", TRACKED))
        echo = "ct_reply_sport" if direction == 0 else "ct_sport"
        rules += [
            Rule(known, (Copy(address, its_address),)),
            *(Rule((*known, Masked("proto", p, -1)), (Copy(port, its_port),)) for p in (TCP, UDP, SCTP, UDPLITE)),
            *(
                Rule((*known, Masked("proto", p, -1), Masked("ct_error", 0, -1)), (Copy("icmp_id", echo),))
                for p in (ICMP, ICMP6)
            ),
        ]
    return rules


def _settle(
    call: Call,
    done: str,
    rule: str,
    pairs: tuple[tuple[str, str], ...],
    changed: tuple[Set, ...],
    reply: tuple[Copy, ...],
) -> list[Rule]:
    fresh = (Masked(done, 0, -1), any_of_bits("ct_state", NEW | RELATED))
    translated = Masked(rule, 0, -1, negated=True)
    is_gre = (*fresh, translated, Masked("proto", GRE, -1), differs(*pairs[0]))
    unknown = Stop("drop", "NAT does not know this GRE header")
    return [
        Rule(fresh, (call,)),
        Rule((*is_gre, Test(SHORTER, 8)), (unknown,)),
        Rule((*is_gre, Masked("gre_version", 0, 6, negated=True)), (unknown,)),
        Rule((*fresh, translated), reply),
        *(Rule((*fresh, translated, differs(now, before)), changed) for now, before in pairs),
        *(_make_unique(fresh) if done == "src_nat_done" else ()),
        Rule((any_of_bits("ct_state", NEW | RELATED),), (Set(done, 1),)),
    ]


# Answers must find their way: a source port that would make them look like packets of another connection is changed,
# whether a rule translates or not (get_unique_tuple).


def _make_unique(fresh: tuple[Masked, ...]) -> list[Rule]:
    began, taken = Masked("ct_began", 1, -1), (Masked("tuple_taken", 1, -1), Masked("port_fixed", 0, -1))
    changed = Set("ct_status", SRC_NAT, SRC_NAT)
    back = (Copy("ct_reply_dport", "sport"), changed, Set("tuple_taken", 0))
    rules = [Rule((*fresh, began), (Set("tuple_taken", 0), Call(TAKEN)))]
    for proto in (TCP, UDP, SCTP, UDPLITE):
        for bits_of_kind, low, high in _KINDS_OF_PORTS:
            tests = (*fresh, *taken, Masked("proto", proto, -1), *bits_of_kind)
            rules.append(Rule(tests, (_another("sport", low, high), *back)))
    for proto in (ICMP, ICMP6):
        another = (_another("icmp_id", 0, 0xFFFF), Copy("ct_reply_sport", "icmp_id"), changed, Set("tuple_taken", 0))
        rules.append(Rule((*fresh, *taken, Masked("proto", proto, -1)), another))
    return rules


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
    began = (Masked("ct_began", 1, -1), Masked("looped", 0, -1))
    return [
        Rule(began, (Set("tuple_taken", 0), Call(TAKEN))),
        Rule((*began, Masked("tuple_taken", 1, -1)), (Stop("drop", "its answers would belong to another connection"),)),
        Rule(began, (Set("ct_status", CONFIRMED, CONFIRMED),)),
    ]
