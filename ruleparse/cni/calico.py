"""Calico (Felix), iptables mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from ruleparse.cni import calico_policies as policies
from ruleparse.cni.calico_ends import held, pods_by_interface, policy_chains
from ruleparse.cni.calico_marks import mark_bits
from ruleparse.cni.calico_policies import (
    DIRECTIONS,
    GROUP_CHAINS,
    POLICY_CHAINS,
    PROFILE_CHAINS,
    policies_of,
    policy_of,
    profile_of,
    profile_words,
    profiles_of,
    shortened,
)
from ruleparse.cni.decoder import Case, Decoder, Mark, Name, Row, at_start
from ruleparse.cni.saved import Here, SavedRules
from ruleparse.cni.things import Held
from ruleparse.cni.versions import Sign

DENY = "DROP|REJECT"


class Calico(Decoder):
    """Calico 3.0 to 3.32 in iptables mode: pod interfaces, host endpoints, policies, profiles, groups and tiers,
    default deny, mark bits, ipsets, tunnels.

    Policies and profiles are named by the comment at the head of their chain since 3.22, before by the chain; a name
    that is too long for a chain is a hash there, and the dump does not have it. Mark bits are configured, so they are
    read off the rules that test them. The namespace of a pod is that of the profiles its chain jumps to.
    """

    name = "calico"
    title = "Calico"
    markers = ("cali-FORWARD", "cali-INPUT", "cali-PREROUTING", "cali-*")

    signs = (
        Sign("filter", "cali-pi-*", r'"\w+Policy \S+ ingress"', since="3.32"),
        Sign("filter", "cali-tw-*", r"End of tier \S+ (Drop|Reject) if no policies", since="3.30"),
        Sign("filter", "cali-tw-*", "Start of tier", since="3.29"),
        Sign("filter", "cali-tw-*", '"(Drop|Reject) if no policies passed packet', until="3.29"),
        Sign("filter", "cali-tw-*", r"--set-xmark 0x0/0x30*\b", since="3.28"),
        Sign("filter", "cali-tw-*", r"--set-xmark 0x0/0x10*\b", until="3.27"),
        Sign("filter", "cali-gi-*", since="3.28"),
        Sign("filter", "cali-tw-*", "Start of policies", until="3.27"),
        Sign("raw", "cali-rpf-skip", since="3.23"),
        Sign("filter", "cali-pri-*", r'"Profile \S+ ingress"', since="3.22"),
        Sign("filter", "cali-pri-kns.*", r"\A(?![\s\S]*Profile )[\s\S]", until="3.21"),
        Sign("mangle", "cali-POSTROUTING", since="3.18"),
        Sign("filter", "cali-cidr-block", since="3.17"),
        Sign("filter", "FORWARD", "Policy explicitly accepted packet", since="3.16"),
        Sign("filter", "cali-FORWARD", "Policy explicitly accepted packet", until="3.15"),
    )

    def __init__(self, saved: SavedRules) -> None:
        super().__init__(saved)
        self.filter = saved["filter"]

    # Chains

    def _policy_chain(self, chain: str) -> str:
        return f"{policy_of(self.filter, chain)}, {direction(chain)}"

    def _profile_chain(self, chain: str) -> str:
        return f"{profile_words(profile_of(self.filter, chain))}, {direction(chain)}"

    def _group_chain(self, chain: str) -> str:
        way = "ingress" if chain.startswith("cali-gi-") else "egress"
        return f"policies {shortened(p.name for p in policies_of(self.filter, chain))}, {way}"

    def pod(self, interface: str) -> str:
        """`pod interface cali123 (namespace default)`, `pod default/web (cali123)` where `kubectl` said so."""
        name = self._pods.get(interface)
        return f"pod {name} ({interface})" if name else f"pod interface {interface}{self._whose(interface)}"

    @cached_property
    def _pods(self) -> dict[str, str]:
        cluster = self.saved.cluster
        return pods_by_interface(cluster.pods if cluster else (), self.prefixes)

    def _whose(self, interface: str) -> str:
        """The namespace, and the service account if it is one of its own, from the profiles of a pod's chain."""
        profiles = profiles_of(self.filter, interface)
        namespaces = [p[4:] for p in profiles if p.startswith("kns.")]
        accounts = [p.split(".", 2)[2] for p in profiles if p.startswith("ksa.") and p.count(".") > 1]
        words = [f"namespace {n}" for n in namespaces] + [f"service account {a}" for a in accounts if a != "default"]
        return f" ({', '.join(words)})" if words else ""

    def namespace(self, interface: str) -> str | None:
        return next((p[4:] for p in sorted(profiles_of(self.filter, interface)) if p.startswith("kns.")), None)

    def _from_pod(self, interface: str) -> str:
        return f"from {self.pod(interface)}"

    def _to_pod(self, interface: str) -> str:
        return f"to {self.pod(interface)}"

    chains = (
        Name("cali-fw-(?P<interface>.+)", _from_pod),
        Name("cali-tw-(?P<interface>.+)", _to_pod),
        Name("(?P<chain>cali-p[io]-.+)", _policy_chain),
        Name("(?P<chain>cali-pr[io]-.+)", _profile_chain),
        Name("(?P<chain>cali-g[io]-.+)", _group_chain),
        Name("cali-fh-(?P<interface>.+)", "from host endpoint {interface}"),
        Name("cali-th-(?P<interface>.+)", "to host endpoint {interface}"),
        Name("cali-fhfw-(?P<interface>.+)", "forwarded, from host endpoint {interface}"),
        Name("cali-thfw-(?P<interface>.+)", "forwarded, to host endpoint {interface}"),
        Name("cali-sm-(?P<interface>.+)", "endpoint mark of {interface}"),
        Name("cali-from-wl-dispatch.*", "find the pod it comes from"),
        Name("cali-to-wl-dispatch.*", "find the pod it goes to"),
        Name("cali-from-h(ost-endpoint|ep-forward).*", "find the host endpoint it comes from"),
        Name("cali-to-h(ost-endpoint|ep-forward).*", "find the host endpoint it goes to"),
        Name("cali-wl-to-host", "from a pod to this node"),
        Name("cali-cidr-block", "block loops of service addresses"),
        Name("cali-rpf-skip", "pods that may use foreign source addresses"),
        Name("cali-failsafe-in", "failsafe ports, inbound"),
        Name("cali-failsafe-out", "failsafe ports, outbound"),
        Name("cali-fip-dnat", "floating IPs, inbound"),
        Name("cali-fip-snat", "floating IPs, outbound"),
        Name("cali-nat-outgoing", "masquerading for IP pools"),
        Name("cali-wireguard-incoming-mark", "mark of decrypted WireGuard traffic"),
        Name("cali-forward-check", "node ports in ipvs mode"),
        Name("cali-(set|from)-endpoint-mark.*|cali-forward-endpoint-mark", "endpoint marks of ipvs mode"),
        Name("cali-INPUT", "Calico, packets to this node"),
        Name("cali-FORWARD", "Calico, forwarded packets"),
        Name("cali-OUTPUT", "Calico, packets of this node"),
        Name("cali-PREROUTING", "Calico, packets that arrive"),
        Name("cali-POSTROUTING", "Calico, packets that leave"),
    )

    # Rules

    def _tried(self, here: Here) -> list[str]:
        """Policy chains between the start of the tier and this rule, in order, groups taken apart."""
        found: list[str] = []
        for rule in here.before():
            if any(_TIER_BORDER.search(comment) for comment in rule.words.comments()):
                break
            if rule.target.startswith((*POLICY_CHAINS, *GROUP_CHAINS)):
                found.append(rule.target)
        return [member for chain in reversed(found) for member in policies.members(self.filter, chain)]

    def _caller(self, here: Here, *prefixes: str) -> str | None:
        """The last chain of this kind that was called before this rule."""
        return next((rule.target for rule in here.before() if rule.target.startswith(prefixes)), None)

    def _policy_accepted(self, here: Here) -> str:
        chain = self._caller(here, *POLICY_CHAINS, *GROUP_CHAINS)
        return f"{self._policies(chain)} accepted it" if chain else "a policy accepted it"

    def _policies(self, chain: str) -> str:
        found = policies_of(self.filter, chain)
        return str(found[0]) if len(found) == 1 else f"one of the policies {shortened(p.name for p in found)}"

    def _profile_accepted(self, here: Here) -> str:
        chain = self._caller(here, *PROFILE_CHAINS)
        return f"{profile_words(profile_of(self.filter, chain))} accepted it" if chain else "a profile accepted it"

    def _no_policy(self, here: Here, tier: str = "") -> str:
        tried = [policy_of(self.filter, chain) for chain in self._tried(here)]
        way = direction_of(here)
        if len(tried) == 1:
            return f"{tried[0]} ({way}) did not accept it"
        return f"none of the {len(tried)} {way} policies{f' of tier {tier}' if tier else ''} accepted it"

    def _marks(self, here: Here) -> str | None:
        """A rule of a policy or profile that sets one of Calico's marks."""
        subject = self.chain("filter", here.chain)
        bits = policies.bits_set(here)
        verbs = {self.bits.get("accept"): "accepts it", self.bits.get("pass"): "passes it on to the next tier"}
        verbs[self.bits.get("drop")] = "denies it"
        return f"{subject}: {verbs[bits]}" if bits and bits in verbs else None

    def _denies(self, here: Here) -> str:
        return f"{self._policy_chain(here.chain)}: denies it"

    def _enters(self, here: Here) -> str:
        return self.chain("filter", here.target) or here.target

    def _leaves_pod(self, here: Here) -> str | None:
        interface = here.value("-i")
        return interface and f"packet from {self._shortly(interface)} enters its egress policies"

    def _goes_to_pod(self, here: Here) -> str | None:
        interface = here.value("-o")
        return interface and f"packet to {self._shortly(interface)} enters its ingress policies"

    def _shortly(self, interface: str) -> str:
        return f"pod {self._pods[interface]}" if interface in self._pods else f"pod interface {interface}"

    def _tunnel_source(self, here: Here) -> str:
        return f"masquerade: what leaves by {here.value('-o')} has that interface's address"

    rules = (
        # endpoints
        Row("policies start", comment="Start of policies"),
        Row("policies of tier {tier} start", comment=r"Start of tier (?P<tier>\S+)"),
        Row(_policy_accepted, comment="Return if policy accepted"),
        Row(_no_policy, comment=r"(End of tier (?P<tier>\S+)\. )?(Drop|Reject) if no policies passed packet"),
        Row("no policy of tier {tier} decided", comment=r"End of tier (?P<tier>\S+)\..*"),
        Row(_profile_accepted, comment="Return if profile accepted"),
        Row("no policy decided, and no profile accepted it", comment="(Drop|Reject) if no profiles matched"),
        Row("an interface that Calico does not know", comment="Unknown interface"),
        Row("the endpoint is switched off", comment="Endpoint admin disabled"),
        Row("part of a known connection", chain="cali-[ft][wh].*", words="--ctstate (RELATED,)?ESTABLISHED"),
        Row("conntrack knows no connection for it", chain="cali-[ft][wh].*", words="--ctstate INVALID"),
        Row("pods must not send tunnel packets of their own", comment=r"(Drop|Reject) \w+ encapped packets .*"),
        Row("forwarded traffic is allowed by default", comment="Allow forwarded traffic by default"),
        Row(_leaves_pod, target="cali-fw-.*"),
        Row(_goes_to_pod, target="cali-tw-.*"),
        # policies and profiles
        Row(_marks, chain="cali-(p|pr)[io]-.*", target="MARK"),
        Row("part of a condition that takes several rules", chain="cali-p[io]-.*", target="MARK"),
        Row("logged", chain="cali-p[io]-.*", target="LOG"),
        Row(_denies, chain="cali-p[io]-.*", target=DENY),
        Row("nothing here accepts", chain="cali-(p|pr)[io]-.*", words=r"^(?!.* -[jg] )"),
        Row("end of the policy", chain="cali-(p|pr)[io]-.*", target="RETURN"),
        # the kernel's hooks
        Row("policies accepted it", comment=r"Policy explicitly accepted packet\."),
        Row("host endpoint policies accepted it", comment=r"Host endpoint policy accepted packet\."),
        Row("what a pod sends to its own node: {target}", comment="Configured DefaultEndpointToHostAction"),
        Row("a tunnel packet to a node of the cluster", comment="Allow .* packets to other .*"),
        Row("a tunnel packet from a node of the cluster", comment="Allow .*(VXLAN|IPIP|IPinIP|WireGuard).*packets.*"),
        Row("a tunnel packet from elsewhere", comment="(Drop|Reject) .*(VXLAN|IPIP) packets from .*"),
        Row("from this node to a pod on it: not policed", chain="cali-OUTPUT", target="RETURN", words="-o "),
        Row("from a pod", chain="cali-INPUT", target="cali-wl-to-host"),
        Row("accepted before", chain="cali-.*", target="ACCEPT|RETURN", words=r"--mark (0x[0-9a-f]+)/\1 "),
        Row("part of a known connection", chain="cali-PREROUTING", words="--ctstate RELATED,ESTABLISHED"),
        Row("the source address is not one of this pod's", chain="cali-PREROUTING", words="-m rpfilter"),
        Row("tunnel packets are not tracked", chain="cali-.*", target="NOTRACK"),
        Row("a service address that nobody has", chain="cali-cidr-block", target=DENY),
        Row("failsafe port", chain="cali-failsafe-.*", target="ACCEPT"),
        Row("masquerade: from a natOutgoing pool to outside of all pools", chain="cali-nat-outgoing"),
        Row(_tunnel_source, chain="cali-POSTROUTING", target="MASQUERADE", words="-o "),
        Row("clear Calico's marks", chain="cali-.*", target="MARK", words=r"--set-xmark 0x0/"),
        Row("set Calico's mark of accepted packets", chain="FORWARD", target="MARK", comment="cali:.*"),
        Row("mark what comes from a pod", chain="cali-PREROUTING", target="MARK", words="-i "),
        Row(_enters, target="cali-.*"),
    )

    # Decisions

    def _subject(self, here: Here) -> str:
        interface = here.chain.split("-", 2)[-1]
        return self.pod(interface) if here.chain[5:7] in ("fw", "tw") else f"host endpoint {interface}"

    def _isolated(self, here: Here, case: Case, tier: str = "") -> str:
        way, tried = direction_of(here), self._tried(here)
        names = [policy_of(self.filter, chain) for chain in tried]
        within = f" of tier {tier}" if tier and tier != "default" else ""
        if len(names) == 1:
            who = f"{names[0]}{within} selects it and did not accept the packet"
        else:
            who = f"{len(names)} policies{within} select it and none of them accepted the packet ({shortened(names)})"
        start = f"{at_start(self._subject(here))} is isolated for {way}: {who}."
        return "\n".join([start, *self._accepts(tried, way), *self._wanted(case, way)])

    def _accepts(self, chains: list[str], way: str) -> Iterator[str]:
        """What the policies tried would have accepted."""
        for chain in chains[:3]:
            accepted = policies.accepted(self.filter, chain, self.bits.get("accept", 0))
            if accepted is not None:
                what = "; or ".join(accepted[:4]) or "nothing"
                yield f"{at_start(policy_of(self.filter, chain))} accepts {what} for {way}."

    def _wanted(self, case: Case, way: str) -> Iterator[str]:
        """What a policy would have to allow."""
        service, peer = case.service(), case.address("src" if way == "ingress" else "dst")
        side = {"ingress": "from", "egress": "to"}[way]
        if service and peer:
            yield f"To let it through, a policy that selects the pod has to allow {service} {side} {peer}."

    def _no_profile(self, here: Here, case: Case) -> str:
        subject, way = self._subject(here), direction_of(here)
        if not subject.startswith("pod"):
            return (
                f"{at_start(subject)} has no policy for {way} that accepted the packet: only failsafe ports are open."
            )
        chains = [rule.target for rule in here.before() if rule.target.startswith(PROFILE_CHAINS)]
        profiles = shortened(profile_words(profile_of(self.filter, chain)) for chain in reversed(chains))
        tried = f"its profiles did not accept it ({profiles})" if profiles else "it has no profiles"
        return (
            f"No policy decided about {subject} for {way}, and {tried}.\n"
            "The profile of a namespace accepts everything, so this node's Calico may not have received it."
        )

    def _denied(self, here: Here, case: Case) -> str:
        """Since 3.30 a mark remembers which rule of the policy denied."""
        marked = [h for h in case.path if h.chain == here.chain and policies.bits_set(h) == self.bits.get("drop")]
        by_mark = not marked and here.option("--mark")
        what = "it" if by_mark else policies.conditions(marked[-1] if marked else here)
        return f"{at_start(policy_of(self.filter, here.chain))} denies {what} for {direction(here.chain)}."

    def _unknown_interface(self, here: Here, case: Case) -> str:
        name = case.interface("in" if "from" in here.chain else "out")
        return (
            f"Calico knows no pod on this node behind {f'interface {name}' if name else 'this interface'}: "
            "the pod is coming or going, or calico-node has not caught up."
        )

    def _spoofed(self, here: Here, case: Case) -> str:
        name = case.interface("in")
        return (
            f"The route back to the source address does not lead to {self.pod(name) if name else 'the pod interface'}: "
            "Calico drops packets with a source that is not the pod's own."
        )

    decisions = (
        Row(_isolated, comment=r"(End of tier (?P<tier>\S+)\. )?(Drop|Reject) if no policies passed packet"),
        Row(_no_profile, comment="(Drop|Reject) if no profiles matched"),
        Row(_denied, chain="cali-p[io]-.*", target=DENY),
        Row(_unknown_interface, comment="Unknown interface"),
        Row(_spoofed, chain="cali-PREROUTING", target=DENY, words="-m rpfilter"),
        Row(
            "Calico drops what pods send to their own node: defaultEndpointToHostAction of the FelixConfiguration is "
            "Drop, Accept or Return would let it go on.",
            comment="Configured DefaultEndpointToHostAction",
            target=DENY,
        ),
        Row("Calico has been told that this endpoint is switched off (admin down).", comment="Endpoint admin disabled"),
        Row(
            "Pods must not send {tunnel} packets of their own, unless the FelixConfiguration allows it "
            "(allowVXLANPacketsFromWorkloads, allowIPIPPacketsFromWorkloads).",
            comment="(Drop|Reject) (?P<tunnel>VXLAN|IPinIP) encapped packets .*",
        ),
        Row(
            "A {tunnel} packet from an address that is no node of the cluster as this Calico knows it.",
            comment="(Drop|Reject) .*(?P<tunnel>VXLAN|IPIP) packets from .*",
        ),
        Row(
            "The address is of a service range that this cluster advertises, and no service took it: Calico drops it, "
            "because it would be sent to and fro (serviceLoopPrevention).",
            chain="cali-cidr-block",
            target=DENY,
        ),
        Row(
            "conntrack cannot place the packet in any connection (state INVALID): look for replies that take another "
            "way.",
            chain="cali-[ft][wh].*",
            target=DENY,
            words="--ctstate INVALID",
        ),
    )

    def remarks(self, case: Case) -> Iterator[str]:
        """Who accepted it: each policy or profile chain whose accept rule it hit."""
        subject, way = "", ""
        for here in case.path:
            if here.chain.startswith(("cali-fw-", "cali-tw-")):
                subject, way = self.pod(here.chain[8:]), direction_of(here)
            accepting = here.target == "MARK" and policies.bits_set(here) == self.bits.get("accept")
            if accepting and here.chain.startswith(POLICY_CHAINS):
                policy = at_start(policy_of(self.filter, here.chain))
                yield f"{policy} accepts it for {way}, {self._side(way)} {subject}."
            elif accepting and here.chain.startswith(PROFILE_CHAINS):
                profile = profile_words(profile_of(self.filter, here.chain))
                yield f"No policy selects {subject} for {way}: the {profile} accepts it."

    @staticmethod
    def _side(way: str) -> str:
        return "to" if way == "ingress" else "from"

    # Marks, interfaces, sets

    @cached_property
    def bits(self) -> dict[str, int]:
        """Calico's mark bits."""
        return mark_bits(self.saved)

    @property
    def marks(self) -> Iterator[Mark]:
        for name, bits in self.bits.items():
            if name in _MARKS:
                yield Mark(bits, _MARKS[name])

    @cached_property
    def prefixes(self) -> list[str]:
        """What interfaces of pods start with: `cali`, `eni` …"""
        return re.findall(r"-[io] (\S+)\+ .*cali-(?:from|to)-wl-dispatch", self.filter.text("cali-FORWARD"))

    def interface(self, name: str) -> str | None:
        if pod := self._pods.get(name):
            return f"pod {pod}"
        if name.startswith(tuple(self.prefixes)):
            return f"pod interface (Calico{self._whose(name).replace(' (', ', ').rstrip(')')})"
        return super().interface(name)

    interfaces = (
        Name("cali[0-9a-f]{11}", "pod interface (Calico)"),
        Name("vxlan(-v6)?\\.calico", "Calico's VXLAN device"),
        Name("tunl0", "IPIP tunnel device"),
        Name("wireguard\\.cali|wg-v6\\.cali", "Calico's WireGuard device"),
    )

    def _selected(self, name: str) -> str:
        """A selector's set is named by its hash; the rule that tests it says whose selector it is."""
        chain = next((c for c in self.filter.starting(*POLICY_CHAINS) if f" {name} " in self.filter.text(c)), None)
        return f"selected by {self._policy_chain(chain)}" if chain else "selected by a Calico policy or profile"

    sets = (
        Name("cali[46]0all-ipam-pools", "all Calico IP pools"),
        Name("cali[46]0masq-ipam-pools", "Calico IP pools with natOutgoing"),
        Name("cali[46]0all-hosts-net", "all nodes, by their IPIP addresses"),
        Name("cali[46]0all-vxlan-net", "all nodes, by their VXLAN addresses"),
        Name("cali[46]0this-host", "addresses of this node"),
        Name("cali[46]0dscp-src-net", "pods with a DSCP of their own"),
        Name("(?P<name>cali[46]0s:.*)", _selected),
        Name("cali[46]0n:.*", "pods with a named port of a policy"),
        Name("cali[46]0svc(noport)?:.*", "endpoints of services that a policy names"),
        Name("cali[46]t\\d+", "temporary set of Calico"),
    )

    # What there is

    def held(self) -> Iterator[Held]:
        return held(self.filter, self._whose, self._pods)

    def chains_of(self, name: str) -> Iterator[tuple[str, str]]:
        yield from super().chains_of(name)
        yield from (("filter", chain) for chain in policy_chains(self.filter, name))


_TIER_BORDER = re.compile("^Start of (policies|tier)|if no policies passed packet$")
_MARKS = {
    "accept": "accepted by Calico",
    "pass": "passed on to the next tier by Calico",
    "drop": "denied by Calico",
    "scratch": "from a pod, or part of a condition (Calico)",
}


def direction(chain: str) -> str:
    """`ingress` or `egress`, of a policy's or profile's chain."""
    return next(way for prefix, way in DIRECTIONS.items() if chain.startswith(prefix))


def direction_of(here: Here) -> str:
    """The direction, seen from the endpoint, of the policies in an endpoint's chain."""
    return "ingress" if here.chain.startswith(("cali-tw-", "cali-fh")) else "egress"
