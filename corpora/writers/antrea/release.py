"""What changed between releases of Antrea: which tables there are, how they are numbered, what the registers hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bits:
    """A range of bits of a register."""

    register: str
    low: int
    high: int

    @property
    def mask(self) -> int:
        return (1 << self.high + 1) - (1 << self.low)

    def holds(self, value: int) -> str:
        """As a match."""
        shifted = value << self.low
        return f"{self.register}={shifted:#x}" + ("" if self.mask == 0xFFFFFFFF else f"/{self.mask:#x}")


def register(number: int, low: int = 0, high: int = 31) -> Bits:
    return Bits(f"reg{number}", low, high)


@dataclass(frozen=True)
class Sources:
    """Where a packet came from, as the classifier writes it."""

    tunnel: int
    gateway: int
    pod: int


@dataclass(frozen=True)
class Cookies:
    """The categories of flows."""

    default: int
    pod: int
    service: int
    policy: int
    egress: int


@dataclass(frozen=True)
class Release:
    version: str
    tables: dict[str, int]
    flexible: bool
    proxy: bool
    source: Bits
    rewrite_mac: Bits
    deny: Bits
    output: Bits
    """that the port to leave by is known, and in reg1"""
    output_found: int
    sources: Sources
    cookies: Cookies
    service_mark: str
    """of the connections that were sent to an endpoint, as an argument of ct()"""

    @property
    def metrics(self) -> bool:
        return "EgressMetric" in self.tables

    def write(self, bits: Bits, value: int) -> str:
        """As an action, in the way this release writes registers."""
        if not self.flexible:
            ends = "" if bits.mask == 0xFFFFFFFF else _range(bits)
            return f"load:{value:#x}->NXM_NX_{bits.register.upper()}[{ends}]"
        mask = "" if bits.mask == 0xFFFFFFFF else f"/{bits.mask:#x}"
        return f"set_field:{value << bits.low:#x}{mask}->{bits.register}"

    def cookie(self, category: int, thing: int = 0) -> int:
        return 1 << 48 | category << 40 | thing

    def goto(self, table: str) -> str:
        return f"goto_table:{self.tables[table]}"

    def resubmit(self, table: str) -> str:
        return f"resubmit(,{self.tables[table]})"


def _range(bits: Bits) -> str:
    return str(bits.low) if bits.low == bits.high else f"{bits.low}..{bits.high}"


PORT = register(1)
ENDPOINT_ADDRESS = register(3)
DENIED_BY = register(3)
ENDPOINT_PORT = register(4, 0, 15)
SERVICE_STATE = register(4, 16, 18)
TO_SELECT, SELECTED, TO_LEARN = 1, 2, 3
EGRESS_RULE = register(5)
INGRESS_RULE = register(6)
SERVICE_GROUP = register(7)
TO = register(0, 4, 7)

_TIERS = ("Emergency", "SecurityOps", "NetworkOps", "Platform", "Application")
_FLEXIBLE = """
    PipelineRootClassifier ARPSpoofGuard ARPResponder Classifier SpoofGuard UnSNAT ConntrackZone ConntrackState
    PreRoutingClassifier NodePortMark SessionAffinity ServiceLB EndpointDNAT AntreaPolicyEgressRule EgressRule
    EgressDefaultRule EgressMetric L3Forwarding EgressMark L3DecTTL SNATMark SNAT L2ForwardingCalc
    IngressSecurityClassifier AntreaPolicyIngressRule IngressRule IngressDefaultRule IngressMetric ConntrackCommit
    Output
"""


def _numbered(*left_out: str) -> dict[str, int]:
    """Tables of the flexible pipeline are counted from 0 at every start of the agent."""
    return {name: number for number, name in enumerate(name for name in _FLEXIBLE.split() if name not in left_out)}


def _tiers(direction: str, first: int) -> dict[str, int]:
    return {f"{tier}Tier{direction}": number for number, tier in enumerate(_TIERS, first)}


TABLES_0_9 = (
    {"Classifier": 0, "SpoofGuard": 10, "ARPResponder": 20, "ConntrackZone": 30, "ConntrackState": 31, "DNAT": 40}
    | _tiers("Egress", 45)
    | {"EgressRule": 50, "EgressDefaultRule": 60, "L3Forwarding": 70, "L2ForwardingCalc": 80}
    | _tiers("Ingress", 85)
    | {"IngressRule": 90, "IngressDefaultRule": 100, "ConntrackCommit": 105, "Output": 110}
)
TABLES_1_2 = (
    {"Classifier": 0, "SpoofGuard": 10, "ARPResponder": 20, "ServiceHairpin": 29, "ConntrackZone": 30}
    | {"ConntrackState": 31, "SessionAffinity": 40, "ServiceLB": 41, "EndpointDNAT": 42, "AntreaPolicyEgressRule": 45}
    | {"EgressRule": 50, "EgressDefaultRule": 60, "EgressMetric": 61, "L3Forwarding": 70, "SNAT": 71, "L3DecTTL": 72}
    | {"L2ForwardingCalc": 80, "AntreaPolicyIngressRule": 85, "IngressRule": 90, "IngressDefaultRule": 100}
    | {"IngressMetric": 101, "ConntrackCommit": 105, "HairpinSNAT": 106, "Output": 110}
)
OLD_COOKIES = Cookies(default=0, pod=3, service=4, policy=5, egress=6)
OLD_SOURCES = Sources(tunnel=0, gateway=1, pod=2)
NEW_SOURCES = Sources(tunnel=1, gateway=2, pod=3)
NEW_COOKIES = Cookies(default=0, pod=1, service=3, policy=2, egress=4)


def _fixed(version: str, tables: dict[str, int], source: Bits) -> Release:
    return Release(
        version,
        tables,
        flexible=False,
        proxy="ServiceLB" in tables,
        source=source,
        rewrite_mac=register(0, 19, 19),
        deny=register(0, 20, 20),
        output=register(0, 16, 16),
        output_found=1,
        sources=OLD_SOURCES,
        cookies=OLD_COOKIES,
        service_mark="load:0x21->NXM_NX_CT_MARK[]",
    )


def _flexible(version: str, tables: dict[str, int], output: Bits) -> Release:
    return Release(
        version,
        tables,
        flexible=True,
        proxy=True,
        source=register(0, 0, 3),
        rewrite_mac=register(0, 9, 9),
        deny=register(0, 10, 10),
        output=output,
        output_found=1,
        sources=NEW_SOURCES,
        cookies=NEW_COOKIES,
        service_mark="set_field:0x10/0x10->ct_mark,move:NXM_NX_REG0[0..3]->NXM_NX_CT_MARK[0..3]",
    )


RELEASES = {
    release.version: release
    for release in (
        _fixed("0.9", TABLES_0_9, register(0, 0, 15)),
        _fixed("1.2", TABLES_1_2, register(0, 0, 15)),
        _flexible("1.8", _numbered("NodePortMark"), register(0, 8, 8)),
        _flexible("2.3", _numbered(), register(0, 21, 22)),
    )
}
