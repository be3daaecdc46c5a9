"""A flow sends packets through a meter that is not among the saved ones.

Why: a switch refuses such a flow, and deletes it with its meter, so that flows and meters are of two moments, or of two
bridges. In a running switch the symptom is another: the flow itself is missing.

Fix: save both at one moment: `ovs-ofctl -O OpenFlow15 dump-flows`, `ovs-ofctl -O OpenFlow15 dump-meters`.

Sure: it is certain that the meter is not in the dumps, not why. Nothing is said where no meters were saved at all.

Example:

    # here
    table=0,priority=100,reg0=0x2000000/0xfe000000 actions=meter:257,controller(max_len=128)
    table=0,priority=0 actions=NORMAL
    # with another file of the node: OFPST_METER_CONFIG reply (OF1.5) (xid=0x2):
    # with another file of the node: meter=256 pktps burst stats bands=
    # with another file of the node: type=drop rate=100 burst_size=200
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.flows import Flows, action_span, inside


def find(flows: Flows) -> Iterator[Finding]:
    meters = flows.meters
    if meters is None:
        return
    for table in flows.tables:
        for placed in (placed for placed in flows.table(table) if "meter:" in placed.does):
            for element in inside(placed.flow.syntax.actions):
                if element.word == "meter" and element.text.isdecimal() and int(element.text) not in meters:
                    message = f"meter {element.text} is not among the {len(meters)} meters that were saved"
                    yield error(message, action_span(placed, element))


RULE = LintRule("missing-meter", "warning", in_bridge=find)
