from __future__ import annotations

from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.formats import number
from ruleparse.openflow.headers import MPLS, MPLS_MULTICAST, put_ethernet_around, put_mpls_around, put_nsh_around
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element, words

_KINDS = ("ethernet", "nsh", "mpls", "mpls_mc")


def _parse(element: Element) -> Element:
    header = next(words(arguments(element)), None)
    if header is None or header.word not in _KINDS:
        raise ValueError(f"{element} puts none of {', '.join(_KINDS)} around the packet")
    _metadata(header)
    return element


def _metadata(header: Element) -> int:
    return next((number(e.text) for e in words(header.inside) if e.word == "md_type"), 1)


def _lower(element: Element, steps: Steps) -> None:
    header = next(words(element.inside))
    match header.word:
        case "ethernet":
            put_ethernet_around(steps)
        case "nsh":
            put_nsh_around(steps, _metadata(header))
        case "mpls":
            put_mpls_around(steps, MPLS)
        case _:
            put_mpls_around(steps, MPLS_MULTICAST)


ACTION = Kind(
    ("encap",),
    """Puts a header around the packet: Ethernet's, NSH or an MPLS label. The packet is of that type from then on; ports
    that want frames do not take it, until Ethernet's is around it.""",
    "encap(ethernet) | encap(nsh(md_type=1|2,tlv(CLASS,TYPE,VALUE),…)) | encap(mpls) | encap(mpls_mc)",
    _parse,
    str,
    _lower,
    slot="encap",
)
