"""kube-proxy, userspace mode."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row
from ruleparse.cni.kube_services import SERVICE


class KubeProxyUserspace(Decoder):
    """kube-proxy in userspace mode, and the hybrid mode of OpenShift 3: services redirected to a port of kube-proxy."""

    name = "kube-proxy-userspace"
    title = "kube-proxy (userspace mode)"
    markers = ("KUBE-PORTALS-CONTAINER", "KUBE-PORTALS-HOST")

    chains = (
        Name("KUBE-PORTALS-CONTAINER", "services by address, from pods"),
        Name("KUBE-PORTALS-HOST", "services by address, from this node"),
        Name("KUBE-NODEPORT-CONTAINER", "services by node port, from outside"),
        Name("KUBE-NODEPORT-HOST", "services by node port, from this node"),
        Name("KUBE-NODEPORT-NON-LOCAL", "node ports that kube-proxy listens on"),
    )
    rules = (Row("service {service}, through kube-proxy itself", chain="KUBE-(PORTALS|NODEPORT)-.*", comment=SERVICE),)
