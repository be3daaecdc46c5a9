"""What Antrea's tables are for.

Source: Antrea, docs/design/ovs-pipeline.md and pkg/agent/openflow/pipeline.go, releases 0.1 to 2.7.
"""

from __future__ import annotations

from collections.abc import Mapping

PURPOSES: Mapping[str, str] = {
    "PipelineRootClassifier": "tells ARP from IP",
    "Classifier": "where a packet comes from: pod, gateway, tunnel or uplink",
    "Uplink": "packets of the uplink",
    "SpoofGuard": "pods send from their own addresses only",
    "ARPSpoofGuard": "pods ask from their own addresses only",
    "ARPResponder": "answers ARP for gateways of other nodes",
    "IPv6": "neighbour discovery and multicast of IPv6",
    "Multicast": "multicast",
    "ServiceHairpin": "pods that reach themselves through a service, on their way back",
    "SNATConntrack": "connections whose source is translated",
    "UnSNAT": "translates back what was masqueraded",
    "ConntrackZone": "looks the connection up",
    "ConntrackState": "what is of a known connection, or of none",
    "ServiceClassifier": "what is for services",
    "PreRoutingClassifier": "asks the tables of services in turn",
    "NodePortMark": "what is for a node port",
    "SessionAffinity": "clients that keep their endpoint",
    "DNAT": "services that kube-proxy serves go to the gateway",
    "ServiceLB": "services: a group chooses the endpoint",
    "EndpointDNAT": "the endpoint becomes the destination",
    "MultiTierEgress": "Antrea's policies, from pods",
    "DefaultTierEgress": "Antrea's policies of the default tier, from pods",
    "AntreaPolicyEgressRule": "Antrea's policies, from pods",
    "EgressRule": "NetworkPolicies, from pods: what they allow",
    "EgressDefaultRule": "pods isolated for egress: the rest is dropped",
    "EgressMetric": "counts what policies allowed or denied, from pods",
    "L3Forwarding": "where to: this node, a tunnel, the gateway",
    "SNAT": "the source becomes an egress IP",
    "EgressMark": "what leaves by an egress IP",
    "L3DecTTL": "takes one of the TTL",
    "SNATMark": "connections whose source has to be translated",
    "L2ForwardingCalc": "which port the destination is behind",
    "MultiTierIngress": "Antrea's policies, to pods",
    "DefaultTierIngress": "Antrea's policies of the default tier, to pods",
    "IngressSecurityClassifier": "what no policy holds: from this node itself",
    "AntreaPolicyIngressRule": "Antrea's policies, to pods",
    "IngressRule": "NetworkPolicies, to pods: what they allow",
    "IngressDefaultRule": "pods isolated for ingress: the rest is dropped",
    "IngressMetric": "counts what policies allowed or denied, to pods",
    "ConntrackCommit": "remembers new connections",
    "HairpinSNAT": "a pod that reaches itself gets another source",
    "L2ForwardingOut": "sends it out",
    "Output": "sends it out",
    "TrafficControl": "copies or redirects for traffic control",
    "EgressQoS": "limits what leaves by an egress IP",
    "VLAN": "tags for VLANs",
}
