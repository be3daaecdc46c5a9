"""What conntrack makes of the first packet of a connection, and what NAT does to it.

Sources: net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_{tcp,icmp,icmpv6}.c, nf_nat_core.c.
"""

from __future__ import annotations

from collections.abc import Mapping

from ruleparse.netfilter import fields
from ruleparse.netfilter.fields import DST_NAT, GRE, ICMP, ICMP6, INVALID, NEW, RELATED, SRC_NAT, TCP, UNTRACKED
from ruleparse.netfilter.quirks import SHORTER
from ruleparse.netfilter.settings import is_on
from ruleparse.netfilter.values import any_of_bits, differs
from ruleparse.program import Call, Copy, Masked, Return, Rule, Set, Stop, Table, Test

_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_ANSWERS = {8: 0, 13: 14, 15: 16, 17: 18}
_ANSWERS6 = {128: 129, 139: 140}
"""What each request that starts a connection is answered with."""

_NEVER_TRACKED_ICMP6 = (*range(130, 137), 143)
"""Neighbour discovery and multicast listener reports (nf_conntrack_proto_icmpv6.c, noct_valid_new)."""

TRACKED = fields.ESTABLISHED | RELATED | NEW


def conntrack_table(family: int, sysctl: Mapping[str, str]) -> Table:
    """The connection of a packet that is the first of its own, unless somebody said otherwise (`ct_given`)."""
    summed = is_on(sysctl, "net.netfilter.nf_conntrack_checksum")
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
            _invalid(Masked("checksum_right", 0, -1), Masked("local", 0, -1), *summed),
            *_tcp_that_starts_nothing(is_on(sysctl, "net.netfilter.nf_conntrack_tcp_loose", off=True)),
            *_icmp_that_starts(icmp, tuple(_ANSWERS if family == 4 else _ANSWERS6)),
            Rule((), (Set("ct_state", NEW), Call("new connection"))),
        ],
    )


_SETTLED = (Set("dst_nat_done", 1), Set("src_nat_done", 1))


def new_connection(family: int) -> Table:
    """The two directions of a connection that nothing has translated yet.

    An ICMP request has its identifier for a source port and type and code for a destination port; so has the reply.
    """
    ends = {"ct_proto": "proto", "ct_src": "src", "ct_dst": "dst", "ct_reply_src": "dst", "ct_reply_dst": "src"}
    ports = {"ct_sport": "sport", "ct_dport": "dport", "ct_reply_sport": "dport", "ct_reply_dport": "sport"}
    icmp, answers = (ICMP, _ANSWERS) if family == 4 else (ICMP6, _ANSWERS6)
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


def _tcp_that_starts_nothing(strict: tuple[Test, ...]) -> list[Rule]:
    """From no connection: SYN alone, or an ACK taken up in mid-stream if that is allowed (tcp_conntracks, row sNO)."""
    tcp = Masked("proto", TCP, -1)
    with_syn = (Masked("tcp_flags", _SYN | _ACK, _SYN | _ACK), Masked("tcp_flags", _SYN | _FIN, _SYN | _FIN))
    without = (Masked("tcp_flags", _FIN, _FIN), Masked("tcp_flags", 0, _SYN | _ACK))
    in_mid_stream = _invalid(tcp, Masked("tcp_flags", _ACK, _SYN | _ACK), *strict)
    flags = (Masked("tcp_flags", _RST, _RST), *with_syn, *without)
    return [*(_invalid(tcp, t) for t in flags), in_mid_stream]


def _icmp_that_starts(protocol: int, kinds: tuple[int, ...]) -> list[Rule]:
    """Only requests start a connection; errors and replies would have to belong to one."""
    is_icmp = Masked("proto", protocol, -1)
    others = tuple(Masked("icmp_type", kind, -1, negated=True) for kind in kinds)
    return [_invalid(is_icmp, *others)]


# NAT: each side of a connection is settled once


def settle_destination(call: Call) -> list[Rule]:
    """PREROUTING or OUTPUT: ask the nat table where to; then the reply will come from there."""
    changed = (Set("ct_status", DST_NAT, DST_NAT),)
    reply = (Copy("ct_reply_src", "dst"), Copy("ct_reply_sport", "dport"))
    return _settle(call, "dst_nat_done", "dst_nat_rule", (("dst", "ct_dst"), ("dport", "ct_dport")), changed, reply)


def settle_source(call: Call) -> list[Rule]:
    """POSTROUTING or INPUT: ask the nat table who from; then the reply will go there."""
    changed = (Set("ct_status", SRC_NAT, SRC_NAT),)
    reply = (Copy("ct_reply_dst", "src"), Copy("ct_reply_dport", "sport"))
    return _settle(call, "src_nat_done", "src_nat_rule", (("src", "ct_src"), ("sport", "ct_sport")), changed, reply)


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
        Rule((any_of_bits("ct_state", NEW | RELATED),), (Set(done, 1),)),
    ]
