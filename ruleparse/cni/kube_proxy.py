"""kube-proxy, iptables mode."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from ruleparse.cni.decoder import Case, Decoder, Mark, Name, Row, listed
from ruleparse.cni.kube_services import SERVICE, Endpoint, KubeServices, chances, plain
from ruleparse.cni.saved import Here, SavedRules
from ruleparse.cni.things import Served
from ruleparse.cni.versions import Sign, version_range

HASH = r"[A-Z2-7]{16}"
OTHER_MODES = ("KUBE-LOAD-BALANCER", "KUBE-NODE-PORT", "KUBE-PORTALS-CONTAINER")


class KubeProxy(Decoder):
    """kube-proxy in iptables mode, Kubernetes 1.16 to 1.34: services by their addresses, endpoints and the odds of
    each, session affinity, masquerading, node ports, load balancer source ranges, and what happens without endpoints.

    A service's name is in the comments of its chains. In large clusters only KUBE-SERVICES has comments; chains of one
    service share their hash, and an endpoint chain belongs to the service whose chain jumps to it.
    """

    name = "kube-proxy"
    title = "kube-proxy"
    under_drop = (
        "kube-proxy accepts only what it masquerades and what belongs to known connections: pods need another rule "
        "in FORWARD, of the network plugin or of yours."
    )
    markers = ("KUBE-SERVICES", "KUBE-PROXY-CANARY", "KUBE-SVC-*", "KUBE-FORWARD")

    signs = (
        Sign("filter", "KUBE-FORWARD", "ct_state_invalid_dropped_pkts", since="1.31"),
        Sign("filter", "KUBE-PROXY-FIREWALL", since="1.25"),
        Sign("nat", "KUBE-EXT-*", since="1.24"),
        Sign("nat", "KUBE-SVL-*", since="1.24"),
        Sign("nat", "KUBE-SVC-*", r'--comment "\S+ -> ', since="1.24"),
        Sign("nat", "KUBE-FW-*", "-j KUBE-MARK-DROP", until="1.24"),
        Sign("nat", "KUBE-XLB-*", until="1.23"),
        Sign("filter", "KUBE-FORWARD", "kubernetes forwarding conntrack rule", since="1.23"),
        Sign("filter", "KUBE-FORWARD", "conntrack pod (source|destination) rule", until="1.22"),
        Sign("nat", "KUBE-SVC-*", 'cluster IP".* -j KUBE-MARK-MASQ', since="1.22"),
        Sign("nat", "KUBE-SERVICES", 'cluster IP".* -j KUBE-MARK-MASQ', until="1.21"),
        Sign("filter", "KUBE-NODEPORTS", since="1.20"),
        Sign("nat", "KUBE-SERVICES", r'--comment "[^"\s]+: cluster IP"', until="1.19"),
        Sign("nat", "KUBE-POSTROUTING", r"! --mark \S+ -j RETURN", since="1.19"),
        Sign("nat", "KUBE-POSTROUTING", r"-m mark --mark \S+ .*-j MASQUERADE|MASQUERADE.*-m mark", until="1.18"),
        Sign("filter", "FORWARD", "-j KUBE-EXTERNAL-SERVICES", since="1.19"),
        Sign("filter", "INPUT", "-j KUBE-SERVICES", until="1.19"),
        Sign("nat", "KUBE-SVC-*", r"--probability 0\.33333", since="1.17"),
        Sign("nat", "KUBE-SVC-*", r"--probability 0\.33332", until="1.16"),
    )

    def __init__(self, saved: SavedRules) -> None:
        super().__init__(saved)
        self.services = KubeServices(saved)

    def writer(self) -> str | None:
        if not self.present:
            return None
        if any(self.saved.has_chain(chain) for chain in OTHER_MODES):
            return None
        return f"kube-proxy ({', '.join(filter(None, ['iptables mode', version_range(self.saved, self.signs)]))})"

    # Chains

    def _service_chain(self, kind: str, chain: str) -> str:
        service = self.services.of_chain(chain)
        return kind.format(f"service {service}" if service else "a service whose name is not in the dump")

    def _endpoint_chain(self, chain: str) -> str:
        service, where = self.services.of_chain(chain), self.services.endpoint(chain)
        return " ".join(filter(None, ["endpoint", where, f"of {service}" if service else ""]))

    def _cluster_chain(self, chain: str) -> str:
        return self._service_chain("{}", chain)

    def _local_chain(self, chain: str) -> str:
        return self._service_chain("{}, endpoints on this node", chain)

    def _external_chain(self, chain: str) -> str:
        return self._service_chain("{} from outside", chain)

    def _firewall_chain(self, chain: str) -> str:
        return self._service_chain("{}, load balancer IP", chain)

    chains = (
        Name(rf"(?P<chain>KUBE-SVC-{HASH})", _cluster_chain),
        Name(rf"(?P<chain>KUBE-SEP-{HASH})", _endpoint_chain),
        Name(rf"(?P<chain>KUBE-SVL-{HASH})", _local_chain),
        Name(rf"(?P<chain>KUBE-EXT-{HASH})", _external_chain),
        Name(rf"(?P<chain>KUBE-XLB-{HASH})", _external_chain),
        Name(rf"(?P<chain>KUBE-FW-{HASH})", _firewall_chain),
        Name("KUBE-SERVICES", "services by address", "nat"),
        Name("KUBE-SERVICES", "refusals for services without endpoints", "filter"),
        Name("KUBE-NODEPORTS", "services by node port", "nat"),
        Name("KUBE-NODEPORTS", "health checks of services", "filter"),
        Name("KUBE-EXTERNAL-SERVICES", "refusals for services without endpoints, from outside"),
        Name("KUBE-PROXY-FIREWALL", "source ranges of load balancers"),
        Name("KUBE-FORWARD", "forwarding of service traffic"),
        Name("KUBE-POSTROUTING", "masquerading of service traffic"),
        Name("KUBE-MARK-MASQ", "mark for masquerade"),
        Name("KUBE-MARK-DROP", "mark for drop"),
        Name("KUBE-PROXY-CANARY", "kube-proxy's canary: it notices when rules are flushed"),
    )

    # Rules

    def _portal(self, here: Here, service: str, reach: str) -> str:
        where = {"cluster": "cluster IP", "external": "external IP"}.get(reach, "load balancer IP")
        return f"service {plain(service)}, {where}"

    def _source_range(self, here: Here, service: str) -> str:
        source = here.value("-s")
        if source is not None:
            return f"client in {source}, a source range of service {plain(service)}"
        does = {"KUBE-MARK-MASQ": "mark for masquerade", "KUBE-MARK-DROP": "nothing took it, mark for drop"}
        return f"load balancer IP of service {plain(service)}: {does.get(here.target, 'any client')}"

    def _masquerade(self, here: Here, service: str) -> str:
        source = here.option("-s")
        if source is None:
            return f"every client of service {plain(service)} is marked for masquerade"
        return f"client outside of {source.words[0]}, where pods are: mark for masquerade"

    def _node_port(self, here: Here) -> str | None:
        service = self._commented(here) or self.services.of_chain(here.target)
        if service is None:
            return None
        if here.target == "KUBE-MARK-MASQ":
            return f"service {service}, node port: mark for masquerade"
        return f"service {service}, node port {here.value('--dport')}"

    def _commented(self, here: Here) -> str | None:
        return next((plain(c) for c in here.words.comments() if "/" in c and " " not in c), None)

    def _affinity(self, here: Here) -> str:
        return f"client has session affinity to {self._endpoint(here.target)}"

    def _chosen(self, here: Here) -> str:
        chosen = chances(here.table.rules(here.chain))
        share = next(share for rule, share in chosen if rule.number == here.number)
        return f"{self._endpoint(here.target)}, {one_of(len(chosen), share)}"

    def _endpoint(self, chain: str) -> str:
        where = self.services.endpoint(chain)
        return f"endpoint {where}{self._pod(where)}" if where else f"endpoint {chain}"

    def _pod(self, endpoint: str) -> str:
        return self.saved.pod(endpoint.rpartition(":")[0].strip("[]"))

    def _to_endpoint(self, here: Here, to: str) -> str:
        service = self.services.of_chain(here.chain)
        return f"to endpoint {to}" + (f" of {service}" if service else "") + self._pod(to)

    rules = (
        # nat: services
        Row(_masquerade, comment=f"{SERVICE} cluster IP", target="KUBE-MARK-MASQ"),
        Row(_source_range, chain=f"KUBE-FW-{HASH}", comment=f"{SERVICE} loadbalancer IP"),
        Row("external IP of {service}: mark for masquerade", comment=f"{SERVICE} external IP", target="KUBE-MARK-MASQ"),
        Row(_portal, comment=f"{SERVICE} (?P<reach>cluster|external|loadbalancer) IP"),
        Row("addressed to this node: node ports", comment="kubernetes service nodeports;.*"),
        Row(_node_port, chain="KUBE-NODEPORTS", group="nat"),
        # nat: external traffic
        Row("traffic from outside: mark for masquerade", comment="masquerade traffic for .*"),
        Row("pods reach {service} as if by its cluster IP", comment=f"pod traffic for {SERVICE} .*"),
        Row("pods reach the service as if by its cluster IP", comment="Redirect pods trying to reach external load.*"),
        Row("from this node: mark for masquerade", comment="masquerade LOCAL traffic for .*"),
        Row("from this node: every endpoint of {service} will do", comment=f"route LOCAL traffic for {SERVICE} .*"),
        Row("client outside of the source ranges of {service}", comment=f"other traffic to {SERVICE} will be .*"),
        Row("endpoints on this node only", chain=f"KUBE-EXT-{HASH}", target=f"KUBE-SVL-{HASH}"),
        Row("any endpoint", chain=f"KUBE-EXT-{HASH}", target=f"KUBE-SVC-{HASH}"),
        # nat: endpoints
        Row(_affinity, target=f"KUBE-SEP-{HASH}", words="--rcheck"),
        Row(_chosen, target=f"KUBE-SEP-{HASH}"),
        Row("{s} calls itself through the service: mark for masquerade", chain="KUBE-SEP-.*", target="KUBE-MARK-MASQ"),
        Row(_to_endpoint, chain="KUBE-SEP-.*", target="DNAT", words=r"--to-destination (?P<to>\S+)"),
        # nat: marks and masquerading
        Row("set the masquerade mark", chain="KUBE-MARK-MASQ", target="MARK"),
        Row("set the drop mark", chain="KUBE-MARK-DROP", target="MARK"),
        Row("no masquerade mark: the source stays", chain="KUBE-POSTROUTING", target="RETURN"),
        Row("clear the masquerade mark", chain="KUBE-POSTROUTING", target="MARK"),
        Row("masquerade: the source becomes an address of this node", chain="KUBE-POSTROUTING", target="MASQUERADE"),
        # filter
        Row("service {service} has no endpoints", comment=f"{SERVICE} has no endpoints"),
        Row("service {service} has no endpoints on this node", comment=f"{SERVICE} has no local endpoints"),
        Row("client outside of the source ranges of {service}", comment=f"{SERVICE} traffic not accepted by .*"),
        Row("health check of {service}", comment=f"{SERVICE} health check node port"),
        Row("conntrack knows no connection for it", chain="KUBE-FORWARD", words="--ctstate INVALID"),
        Row("marked for masquerade: accept", chain="KUBE-FORWARD", words=r"--mark \S+ -j ACCEPT|-j ACCEPT.*--mark"),
        Row("marked for masquerade: accept", chain="KUBE-FORWARD", comment="kubernetes forwarding rules"),
        Row("part of a known connection: accept", chain="KUBE-FORWARD", target="ACCEPT"),
    )

    # Decisions

    def _no_endpoints(self, here: Here, case: Case, service: str) -> str:
        return (
            f"Service {plain(service)} ({portal(here)}) has no endpoints: "
            "check that its pods are ready and that its selector matches their labels."
        )

    def _no_local_endpoints(self, here: Here, case: Case, service: str) -> str:
        policy = "internalTrafficPolicy" if here.chain == "KUBE-SERVICES" else "externalTrafficPolicy"
        return (
            f"Service {plain(service)} ({portal(here)}) has endpoints, but none on this node, and its {policy} is "
            "Local: send the packet to a node that runs one of its pods, or set the policy to Cluster."
        )

    def _outside_source_ranges(self, here: Here, case: Case, service: str, chain: str) -> str:
        return self._not_in_ranges(chain, f"service {plain(service)} ({portal(here)})")

    def _not_in_ranges(self, chain: str, service: str) -> str:
        ranges = [source for here in self.saved["nat"].rules(chain) if (source := here.value("-s"))]
        which = f" ({', '.join(ranges)})" if ranges else ""
        return (
            f"The client is in none of the loadBalancerSourceRanges{which} of {service}: add its address there to let "
            "it in."
        )

    def _marked_for_drop(self, here: Here, case: Case) -> str:
        """Up to 1.24 it is nat that refuses a packet; filter then drops what has the mark."""
        cause = drop_mark_of(case)
        if cause is None:
            return f"It carries the drop mark {here.value('--mark')}, which another rule gave it."
        return self._why_marked_for_drop(cause)

    def _why_marked_for_drop(self, cause: Here) -> str:
        service = self.services.of_chain(cause.chain) or "a service"
        if any(comment.endswith("has no local endpoints") for comment in cause.words.comments()):
            return (
                f"Service {service} has no endpoints on this node, and its externalTrafficPolicy is Local: "
                "send the packet to a node that runs one of its pods, or set the policy to Cluster."
            )
        if not any(rule.option("-s") for rule in self.saved["nat"].rules(cause.chain)):
            return f"kube-proxy marked it for drop: no rule of service {service} took it."
        return self._not_in_ranges(cause.chain, f"service {service}")

    decisions = (
        Row(_no_endpoints, comment=f"{SERVICE} has no endpoints"),
        Row(_no_local_endpoints, comment=f"{SERVICE} has no local endpoints", target="DROP|REJECT"),
        Row(_outside_source_ranges, comment=f"{SERVICE} traffic not accepted by (?P<chain>KUBE-FW-.*)"),
        Row(
            "conntrack cannot place the packet in any connection (state INVALID), and kube-proxy drops such packets, "
            "because their addresses would not be translated: look for replies that take another way, or for a full "
            "connection table.",
            chain="KUBE-FORWARD",
            target="DROP",
        ),
        Row(
            "kube-proxy accepts it because it marked it for masquerade: what stands below in FORWARD, network policies "
            "included, is not asked.",
            chain="KUBE-FORWARD",
            target="ACCEPT",
            words=r"--mark \S+",
        ),
        Row(
            "It belongs to a connection that was let through before: only the first packet of a connection is judged.",
            chain="KUBE-FORWARD",
            target="ACCEPT",
        ),
        Row(_marked_for_drop, comment="kubernetes firewall for dropping marked packets"),
        Row("It is a health check of service {service}.", comment=f"{SERVICE} health check node port"),
    )

    def remarks(self, case: Case) -> Iterator[str]:
        if cause := drop_mark_of(case):
            yield "kube-proxy marked it for drop, but it did not meet the rule of KUBE-FIREWALL that would drop it."
            yield self._why_marked_for_drop(cause)
        marked = [here for here in case.path if here.target == "KUBE-MARK-MASQ"]
        if marked and any(here.chain == "KUBE-POSTROUTING" and here.target == "MASQUERADE" for here in case.path):
            yield f"kube-proxy masquerades it: {self._why_masqueraded(marked[0])}."

    def _why_masqueraded(self, here: Here) -> str:
        if here.chain.startswith("KUBE-SEP-"):
            return "the client is the chosen endpoint itself, and would not know an answer that came from itself"
        source = here.option("-s")
        if any(comment.endswith(" cluster IP") for comment in here.words.comments()):
            why = f"its source is not in {source.words[0]}, where pods are" if source else "masqueradeAll is set"
            return f"{why}, so the answer has to come back through this node"
        return "it was sent to an external address or node port, and the answer has to come back through this node"

    # Addresses and marks

    def address(self, value: int, family: int) -> str | None:
        if portals := self.services.portals.get(value):
            return f"service {common({p.service for p in portals})}"
        if chains := self.services.pods.get(value):
            services = sorted({service for chain in chains[:20] if (service := self.services.of_chain(chain))})
            return f"endpoint of {listed(services[:3])}" if services else "endpoint of a service"
        return None

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        return (
            *(Mark(bits, f"masquerade mark {bits:#x} (kube-proxy)") for bits in self._set_in("KUBE-MARK-MASQ")),
            *(Mark(bits, f"drop mark {bits:#x} (kube-proxy)") for bits in self._set_in("KUBE-MARK-DROP")),
        )

    def _set_in(self, chain: str) -> Iterator[int]:
        for here in self.saved["nat"].rules(chain):
            if bits := here.bits("--set-xmark", "--or-mark", "--set-mark"):
                yield bits

    # What there is

    def endpoints(self, chain: str) -> list[Endpoint]:
        return self.services.endpoints(chain)

    def served(self) -> Iterator[Served]:
        return self.services.served()

    def chains_of(self, name: str) -> Iterator[tuple[str, str]]:
        """Of `default/nginx` or `default/nginx:http`: its chains and those of its endpoints."""
        mine = [s for s in self.services.served() if name in (s.service, s.service.partition(":")[0])]
        for chain in dict.fromkeys(s.chain for s in mine if s.chain):
            yield "nat", chain
            yield from (("nat", endpoint.chain) for endpoint in self.services.endpoints(chain))


def drop_mark_of(case: Case) -> Here | None:
    """The rule that sent the packet to be marked for drop."""
    return next((here for here in case.path if here.target == "KUBE-MARK-DROP"), None)


def one_of(count: int, share: float) -> str:
    """`one of 3 (33.3 %)`."""
    return "the only one" if count == 1 else f"one of {count} ({100 * share:.1f} %)"


def portal(here: Here) -> str:
    """`10.96.3.4:80/tcp` or `node port 30080/tcp`: where the packet was sent."""
    host, port, protocol = here.value("-d"), here.value("--dport"), here.value("-p")
    if host is None:
        return f"node port {port}/{protocol}"
    return f"[{host}]:{port}/{protocol}" if ":" in host else f"{host}:{port}/{protocol}"


def common(services: set[str]) -> str:
    """One name for the ports of a service that share an address."""
    return next(iter(services)) if len(services) == 1 else listed(sorted({s.partition(":")[0] for s in services}))
