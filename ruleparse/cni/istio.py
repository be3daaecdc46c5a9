"""Istio's sidecar."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Mark, Name, Row


class Istio(Decoder):
    """Istio's redirection to the sidecar. These rules stand in the namespace of a pod: a dump with them was taken
    inside a pod, not on the node.
    """

    name = "istio"
    title = "Istio sidecar (rules of a pod, not of a node)"
    markers = ("ISTIO_OUTPUT", "ISTIO_INBOUND", "ISTIO_REDIRECT")

    chains = (
        Name("ISTIO_INBOUND", "inbound, to the sidecar or past it"),
        Name("ISTIO_OUTPUT", "outbound, to the sidecar or past it"),
        Name("ISTIO_IN_REDIRECT", "to the sidecar, inbound"),
        Name("ISTIO_REDIRECT", "to the sidecar, outbound"),
        Name("ISTIO_OUTPUT_DNS", "name lookups to the sidecar"),
        Name("ISTIO_DIVERT", "known connections of the sidecar"),
        Name("ISTIO_TPROXY", "to the sidecar, with the client's address"),
    )
    rules = (
        Row("to the sidecar, port {to_ports}", chain="ISTIO_.*", target="REDIRECT"),
        Row("to the sidecar, port {on_port}", chain="ISTIO_.*", target="TPROXY"),
        Row("from the sidecar itself: past it", chain="ISTIO_OUTPUT.*", target="RETURN", words="--[ug]id-owner"),
        Row("port {dport}: past the sidecar", chain="ISTIO_INBOUND", target="RETURN"),
    )
    marks = (Mark(0x539, "of the sidecar (Istio)"),)
