"""A bucket of a group does nothing with its packets.

Why: a bucket is an action set: it goes on only where it ends in output, group, resubmit or ct, and without one of them
not even its other actions are done (ofproto-dpif-xlate.c). Packets that choose it are dropped; a service of which this
is one of three endpoints fails once in three times.

Fix: restart the program that writes the groups. A bucket that is meant to drop needs no actions at all.

Sure: certain: the bucket has actions, and none of them goes on.

Example:

    # here
    group_id=1,type=select,bucket=weight:100,actions=output:1,bucket=weight:100,actions=load:0x5->NXM_NX_REG3[]
    # with another file of the node: table=0,priority=100,tcp,tp_dst=80 actions=group:1
    # with another file of the node: table=0,priority=0 actions=NORMAL
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.endpoints import bucket_span
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.flows import Flows

_GO_ON = ("output", "group", "resubmit", "ct")


def find(flows: Flows) -> Iterator[Finding]:
    for group in (flows.groups or {}).values():
        for number, bucket in enumerate(group.buckets, 1):
            if bucket.actions and not any(act.kind.slot in _GO_ON for act in bucket.actions) and not _drops(bucket):
                message = f"bucket {number} of group {group.id} does nothing: none of its actions goes on"
                yield error(message, bucket_span(group, bucket))


def _drops(bucket: object) -> bool:
    return str(bucket).endswith("drop")


RULE = LintRule("bucket-does-nothing", "error", in_bridge=find)
