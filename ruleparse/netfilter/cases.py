"""What several targets do to some packets only."""

from __future__ import annotations

from ruleparse.bits import Bool
from ruleparse.netfilter.bytewise import tcp_options_are_cut
from ruleparse.netfilter.connections import TRACKED
from ruleparse.netfilter.extension import Case, Context, ask
from ruleparse.netfilter.fields import CONFIRMED, NEW, UNTRACKED
from ruleparse.netfilter.values import TEXT, any_of_bits
from ruleparse.netfilter.verdicts import accepted
from ruleparse.packet import Packet
from ruleparse.program import Action, Key, Masked, Set, Stop, Test, World

HAS_CONNECTION = any_of_bits("ct_state", TRACKED)
HAS_NONE = Masked("ct_state", 0, TRACKED)


def with_connection(*actions: Action) -> list[Case]:
    """Do this to packets that have a connection; nothing happens to others, nor to any before conntrack has seen it."""
    return [Case((HAS_NONE,), ()), Case((HAS_CONNECTION,), actions)]


def with_template(on_template: tuple[Action, ...], *actions: Action) -> list[Case]:
    """The same in the raw table, where what passes for a connection is a template, unless the packet has looped."""
    first, again = Masked("looped", 0, -1), Masked("looped", 1, -1)
    return [
        Case((HAS_NONE,), ()),
        Case((first, HAS_CONNECTION), on_template),
        Case((again, HAS_CONNECTION), actions),
    ]


# What the CT target leaves on a packet for conntrack to find: a template, or that it is not to look. A packet that has
# a template, or comes back over the loopback with its connection, is left alone: the first CT rule counts.


def dont_track() -> list[Case]:
    """The packet becomes UNTRACKED."""
    return [Case((HAS_CONNECTION,), ()), Case((HAS_NONE,), (Set("ct_state", UNTRACKED),))]


def attach_template(*actions: Action) -> list[Case]:
    """Conntrack will find a template, made by these actions; until then it passes for a new, confirmed connection."""
    passes = (Set("ct_state", NEW), Set("ct_status", CONFIRMED, CONFIRMED))
    return [Case((_WAS_MET,), ()), Case((_WAS_NOT_MET,), (*actions, *passes))]


_WAS_MET = any_of_bits("ct_state", TRACKED | UNTRACKED)
_WAS_NOT_MET = Masked("ct_state", 0, TRACKED | UNTRACKED)


def _header_is_cut(_: None, packet: Packet, __: World) -> Bool:
    return packet.raw is not None and tcp_options_are_cut(packet.raw)


_HEADER_IS_CUT = Test(Key(("malformed",), TEXT, _header_is_cut), None)


def cut_header(target: str) -> Case:
    """A target that looks at TCP options drops packets in which they are cut short."""
    return Case(
        (Masked("fragment", 0, -1), _HEADER_IS_CUT), (Stop("drop", detail=f"{target} finds its TCP header cut short"),)
    )


def program_decides(queue: str, context: Context, *, bypass: bool = False) -> list[Case]:
    """The program drops the packet, or it leaves this table as accepted; the table's later rules never see it
    (net/netfilter/nf_queue.c).
    """
    alone = "accepted" if bypass else "dropped"
    question = f"the program at queue {queue} drops the packet, else accepts it as it is (without one: {alone})"
    drops = ask(context.asks(question, "cat /proc/net/netfilter/nfnetlink_queue"))
    return [Case((drops,), (Stop("drop"),)), Case((), accepted(context.table, context.handle))]
