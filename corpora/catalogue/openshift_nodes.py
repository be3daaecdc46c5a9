"""A node with OpenShift SDN, before and after its project's pods may ask each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..writers.openshift import SdnNode, SdnPod

SHOP, BACK_OFFICE = 0x5B7C21, 0x9E30A4
"""numbers of two projects; nobody isolates the shop"""
DENIED = SdnNode(
    "10.131.2.1",
    "10.131.2.0/23",
    "10.128.0.0/14",
    "172.30.0.0/16",
    "192.0.2.42",
    (("192.0.2.21", "10.128.0.0/23"), ("192.0.2.31", "10.129.0.0/23")),
    (SdnPod("10.131.2.7", 4, "veth5d21c0f3", SHOP), SdnPod("10.131.2.9", 5, "vethb60f9e1a", BACK_OFFICE)),
    ((None, SHOP),),
)
VERSION = "3.11"


@dataclass(frozen=True)
class SdnDump:
    """A folder of dumps of one bridge."""

    folder: str
    story: str
    node: SdnNode


def openshift_dumps() -> list[SdnDump]:
    allowed = replace(DENIED, lets_in=((BACK_OFFICE, BACK_OFFICE), *DENIED.lets_in))
    return [
        SdnDump("openshift-before", "nobody may ask the pods of project 0x9e30a4 (deny-by-default)", DENIED),
        SdnDump("openshift-after", "pods of project 0x9e30a4 may ask each other (allow-same-namespace)", allowed),
    ]
