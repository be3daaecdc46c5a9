from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written
from ruleparse.openflow.headers import take_off

ACTION = Kind(
    ("decap",),
    """Takes the outer header off. Of a frame without VLAN tags that is Ethernet's; behind NSH and MPLS the switch looks
    at the packet anew, and what is inside is an assumption. Any other packet is dropped.""",
    "decap() | decap(packet_type(ns=N,type=N))",
    as_written,
    str,
    lambda element, steps: take_off(steps, str(element)),
    slot="decap",
)
