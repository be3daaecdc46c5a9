"""What several targets do to some packets only."""

from __future__ import annotations

from ruleparse.netfilter.connections import TRACKED
from ruleparse.netfilter.extension import Case, Context, ask
from ruleparse.netfilter.fields import UNTRACKED
from ruleparse.netfilter.values import any_of_bits
from ruleparse.netfilter.verdicts import accepted
from ruleparse.program import Action, Masked, Set, Stop

HAS_CONNECTION = any_of_bits("ct_state", TRACKED)
HAS_NONE = Masked("ct_state", 0, TRACKED)


def with_connection(*actions: Action) -> list[Case]:
    """Do this to packets that have a connection; nothing happens to others, nor to any before conntrack has seen it."""
    return [Case((HAS_NONE,), ()), Case((HAS_CONNECTION,), actions)]


# What the CT target leaves on a packet for conntrack to find: a template, or that it is not to look. A packet that has
# one of them, or comes back over the loopback with its connection, is left alone: the first CT rule counts.


def dont_track() -> list[Case]:
    """The packet becomes UNTRACKED."""
    return _if_free(Set("ct_state", UNTRACKED))


def attach_template(*actions: Action) -> list[Case]:
    """Conntrack will find a template, made by these actions."""
    return _if_free(*actions, Set("ct_template", 1))


def _if_free(*actions: Action) -> list[Case]:
    free, taken = Masked("ct_template", 0, 1), Masked("ct_template", 1, 1)
    return [Case((taken,), ()), Case((free, HAS_CONNECTION), ()), Case((free, HAS_NONE), actions)]


def program_decides(queue: str, context: Context, *, bypass: bool = False) -> list[Case]:
    """The program drops the packet, or it leaves this table as accepted; the table's later rules never see it
    (net/netfilter/nf_queue.c).
    """
    alone = "accepted" if bypass else "dropped"
    question = f"the program at queue {queue} drops the packet, else accepts it as it is (without one: {alone})"
    drops = ask(context.asks(question, "cat /proc/net/netfilter/nfnetlink_queue"))
    return [Case((drops,), (Stop("drop"),)), Case((), accepted(context.table, context.handle))]
