"""What encap and decap make of a packet: which header is outermost (xlate_generic_encap_action and its like)."""

from __future__ import annotations

from ruleparse.openflow.fields import flow
from ruleparse.openflow.questions import unsettled
from ruleparse.openflow.steps import EXIT, FAIL, Steps
from ruleparse.program import Action, Copy, Masked, Return, Rule, Set, Table

TYPE = flow("packet_type")
ETHERNET, BY_ETHERTYPE = 0, 1 << 16
"""Values of `packet_type`: a frame, or what begins with the header of an Ethernet type."""
NSH, MPLS, MPLS_MULTICAST, IPV4, IPV6 = 0x894F, 0x8847, 0x8848, 0x0800, 0x86DD
NEXT = {ETHERNET: 3, BY_ETHERTYPE | IPV4: 1, BY_ETHERTYPE | IPV6: 2, BY_ETHERTYPE | NSH: 4}
"""What an NSH header says is behind it."""
_ADDRESSES = ("dl_src", "dl_dst")
_INSIDE = (
    *_ADDRESSES, "vlan_tci", "vlan_tci1", "mpls", "mpls_inner", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "nw_proto",
    "ipv6_label", "nw_tos", "nw_ttl", "nw_frag", "arp_sha", "arp_tha", "nd_target", "tp_src", "tp_dst", "tcp_flags",
    "igmp_group",
)  # fmt: skip
"""What no longer is among a packet's own headers once another is around them."""


def is_type(value: int, *, negated: bool = False) -> Masked:
    return Masked(TYPE, value, -1, negated)


def put_ethernet_around(steps: Steps) -> None:
    """Only a packet that has none takes an Ethernet header."""
    steps.when((is_type(ETHERNET),), *FAIL)
    steps.do(Set(TYPE, ETHERNET), *_zero(_ADDRESSES))


def put_nsh_around(steps: Steps, metadata: int) -> None:
    known = tuple(is_type(value, negated=True) for value in NEXT)
    steps.when(known, *FAIL)
    for value, following in NEXT.items():
        steps.when((is_type(value),), Set(flow("nsh_np"), following))
    numbers = {"nsh_flags": 0, "nsh_ttl": 63, "nsh_mdtype": metadata, "nsh_path": 255}
    steps.do(*_becomes(NSH), *(Set(flow(name), value) for name, value in numbers.items()))
    steps.do(*(Set(flow(f"nsh_c{n}"), 0) for n in (1, 2, 3, 4)))


def put_mpls_around(steps: Steps, ethertype: int) -> None:
    """A first label; what a switch makes of one around others was not seen."""
    for labelled in (MPLS, MPLS_MULTICAST):
        _unsure(steps, (Masked(flow("dl_type"), labelled, -1),), "a label around others")
    steps.do(*_becomes(ethertype), Set(flow("mpls"), 0x100 | 64))


def take_off(steps: Steps, what: str) -> None:
    """The outermost header, if that is Ethernet's without tags. Behind others the packet is looked at anew, and what is
    inside is not known."""
    frame = (Set(TYPE, BY_ETHERTYPE), Copy(TYPE, flow("dl_type"), 0xFFFF, 0xFFFF), *_zero(_ADDRESSES), Return())
    tagged = Masked(flow("vlan_tci"), 0x1000, 0x1000)
    question = steps.asks(
        f"what is inside the header that {what} takes off leaves it to the flows behind {steps.where}"
    )
    inside = (unsettled(question, negated=True),)
    rules = [Rule((is_type(ETHERNET), tagged), FAIL), Rule((is_type(ETHERNET),), frame)]
    for ethertype in (NSH, MPLS, MPLS_MULTICAST):
        rules.append(Rule((is_type(BY_ETHERTYPE | ethertype), *inside), (Set(flow("exited"), 1), EXIT)))
        rules.append(Rule((is_type(BY_ETHERTYPE | ethertype),), (Return(),)))
    steps.call(Table("", (*rules, Rule((), FAIL))))


def _becomes(ethertype: int) -> tuple[Action, ...]:
    return (*_zero(_INSIDE), Set(TYPE, BY_ETHERTYPE | ethertype), Set(flow("dl_type"), ethertype))


def _zero(names: tuple[str, ...]) -> tuple[Action, ...]:
    return tuple(Set(flow(name), 0) for name in names)


def _unsure(steps: Steps, tests: tuple[Masked, ...], what: str) -> None:
    question = steps.asks(f"{what} leaves the packet to the flows behind {steps.where}")
    steps.when((*tests, unsettled(question, negated=True)), Set(flow("exited"), 1), EXIT)
