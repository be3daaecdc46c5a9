"""kube-router."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ruleparse.cni.decoder import Case, Decoder, Mark, Name, Row, at_start, listed
from ruleparse.cni.saved import Here
from ruleparse.cni.things import Held

_POD = re.compile(r"POD name:(?P<pod>\S+) namespace: (?P<namespace>\S+?)(?: to chain .*)?\"")
_POLICY = re.compile(r"policy name:? (?P<policy>\S+) namespace (?P<namespace>[^\s\"]+)")
_RUN_THROUGH = re.compile(r'run through (?:nw|network) policy (?P<policy>[^\s"]+)" -j (?P<chain>\S+)')
_POD_ADDRESS = re.compile(r"-d ([\da-f.:]+?)(?:/\d+)? .*POD name:")
_SHARED = ("KUBE-NWPLCY-DEFAULT", "KUBE-NWPLCY-COMMON", "KUBE-NWPLCY-TAIL")


class KubeRouter(Decoder):
    """kube-router, also inside k3s: network policies by pod and by policy, services in ipvs, masquerading of pods.

    Names of its chains are hashes that change with every sync; comments say which pod and policy they are for.
    """

    name = "kube-router"
    title = "kube-router"
    markers = ("KUBE-ROUTER-FORWARD", "KUBE-ROUTER-INPUT", "KUBE-NWPLCY-DEFAULT")

    def _pod_chain(self, chain: str) -> str:
        return f"network policies of {self._pod(chain)}"

    def _pod(self, chain: str) -> str:
        found = _POD.search(self.saved["filter"].text(chain))
        return f"pod {found['namespace']}/{found['pod']}" if found else "a pod"

    def _policy_chain(self, chain: str) -> str:
        return f"NetworkPolicy {self._policy(chain)}"

    def _policy(self, chain: str) -> str:
        table = self.saved["filter"]
        if found := _POLICY.search(table.text(chain)):
            return f"{found['namespace']}/{found['policy']}"
        for caller in table.callers(chain):
            for called in _RUN_THROUGH.finditer(table.text(caller)):
                if called["chain"] == chain:
                    pod = _POD.search(table.text(caller))
                    return f"{pod['namespace']}/{called['policy']}" if pod else called["policy"]
        return "whose name is not in the dump"

    chains = (
        Name("KUBE-ROUTER-(INPUT|FORWARD|OUTPUT)", "pods with network policies"),
        Name("KUBE-ROUTER-SERVICES", "addresses of ipvs services"),
        Name("KUBE-ROUTER-HAIRPIN", "pods that call themselves"),
        Name("(?P<chain>KUBE-POD-FW-.*)", _pod_chain),
        Name("KUBE-NWPLCY-DEFAULT", "pods that no policy isolates"),
        Name("KUBE-NWPLCY-COMMON", "what every policy lets through"),
        Name("KUBE-NWPLCY-TAIL", "end of the network policies"),
        Name("(?P<chain>KUBE-NWPLCY-.*)", _policy_chain),
    )

    def _refused(self, here: Here) -> str:
        return f"no network policy of {self._pod(here.chain)} accepted it"

    rules = (
        Row(
            "to pod {ns}/{pod}",
            comment=r"rule to jump traffic destined to POD name:(?P<pod>\S+) namespace: (?P<ns>\S+).*",
        ),
        Row("from pod {ns}/{pod}", comment=r"rule to jump traffic from POD name:(?P<pod>\S+) namespace: (?P<ns>\S+).*"),
        Row("from the pod's own node", comment="rule to permit the traffic traffic to pods when source is .*"),
        Row("part of a known connection", comment="rule for stateful firewall for pod"),
        Row(_refused, chain="KUBE-POD-FW-.*", target="REJECT|DROP"),
        Row("logged before it is refused", chain="KUBE-POD-FW-.*", target="NFLOG"),
        Row("clear the mark of policies", chain="KUBE-POD-FW-.*", target="MARK", words="--set-xmark 0x0/"),
        Row("mark: network policies accepted it", chain="KUBE-POD-FW-.*|KUBE-NWPLCY-.*", target="MARK"),
        Row(
            "network policies accepted it", comment="rule to explicitly ACCEPT traffic that comply to network policies"
        ),
        Row("to an address or port of services", chain="KUBE-ROUTER-INPUT", target="RETURN"),
        Row("masquerade: from a pod to outside of pods and nodes", words="kube-router-pod-subnets src .*MASQUERADE"),
    )

    def _isolated(self, here: Here, case: Case) -> str:
        prefix = "KUBE-NWPLCY-"
        tried = [h.target for h in here.before() if h.target.startswith(prefix) and h.target not in _SHARED]
        names = [f"NetworkPolicy {self._policy(chain)}" for chain in reversed(tried)]
        who = f"{listed(names)} did not accept the packet" if names else "no policy accepted the packet"
        return f"{at_start(self._pod(here.chain))} is isolated: {who}."

    decisions = (
        Row(_isolated, chain="KUBE-POD-FW-.*", target="REJECT|DROP"),
        Row("The address belongs to a service, the port does not.", chain="KUBE-ROUTER-SERVICES", target="REJECT|DROP"),
    )

    sets = (
        Name("(inet6:)?KUBE-SRC-.*", "sources that a policy selects (kube-router)"),
        Name("(inet6:)?KUBE-DST-.*", "destinations that a policy selects (kube-router)"),
        Name("(inet6:)?kube-router-pod-subnets", "networks of pods"),
        Name("(inet6:)?kube-router-node-ips", "addresses of nodes"),
        Name("(inet6:)?kube-router-local-ips", "addresses of this node"),
        Name("(inet6:)?kube-router-local-pods", "pods on this node"),
        Name("(inet6:)?kube-router-svip", "addresses of services"),
        Name("(inet6:)?kube-router-svip-prt", "addresses and ports of services"),
    )
    interfaces = (
        Name("kube-bridge", "kube-router's bridge"),
        Name("kube-dummy-if", "device that holds the addresses of services (kube-router)"),
        Name("tun-[0-9a-z]+", "kube-router's tunnel to another node", shared=True),
    )

    def held(self) -> Iterator[Held]:
        table = self.saved["filter"]
        for chain in table.starting("KUBE-POD-FW-"):
            text = table.text(chain)
            found = _POD.search(text)
            if found is None:
                continue
            address = _POD_ADDRESS.search(text)
            called = [here.target for here in table.rules(chain) if here.target.startswith("KUBE-NWPLCY-")]
            asked = tuple(f"NetworkPolicy {self._policy(c)}" for c in called if c not in _SHARED) or None
            name = f"{found['namespace']}/{found['pod']}"
            yield Held("pod", "", name, found["namespace"], address and address[1], asked, asked, (chain,))

    @property
    def marks(self) -> Iterable[Mark]:
        return (Mark(0x10000, "accepted by a policy (kube-router)"), Mark(0x20000, "policies passed (kube-router)"))
