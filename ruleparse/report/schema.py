"""The shapes of JSON answers; pydantic makes their schemas and checks them."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict  # which pydantic asks for before Python 3.12

from ruleparse.inventory.model import Inventory


class PlaceJson(TypedDict):
    file: str
    line: int
    table: str
    chain: str
    rule: int
    text: str


class StepJson(TypedDict):
    hook: str
    file: str
    table: str
    chain: str
    rule: int
    line: int
    text: str
    effect: str
    says: str | None


class AssumptionJson(TypedDict):
    question: str
    answer: bool
    settle: str
    rule: dict[str, Any] | None


class OverlayJson(TypedDict):
    interface: str
    kind: str
    number: int | None
    to: str | None
    settle: str | None


class OutcomeJson(TypedDict):
    verdict: str
    egress: str | None
    overlay: OverlayJson | None
    reject_with: str | None
    packet: dict[str, Any]
    when: list[dict[str, str]] | None
    when_cut: bool
    assumptions: list[AssumptionJson]
    probability: float
    decided_by: PlaceJson | None
    reason: str | None
    explanation: list[str]
    steps: list[StepJson]
    reply: list[OutcomeJson] | None


class DiagnosticJson(TypedDict):
    name: str
    severity: str
    message: str
    file: str | None
    line: int | None
    column: int | None


class WhyJson(TypedDict):
    schema: str
    id: Any
    outcomes: list[OutcomeJson]
    complete: bool
    names: dict[str, str]
    diagnostics: list[DiagnosticJson]


class FlowStepJson(TypedDict):
    bridge: str
    table: int | None
    table_name: str | None
    priority: int | None
    match: str
    actions: str
    cookie: str | None
    file: str | None
    line: int | None
    says: str | None


class EgressJson(TypedDict):
    port: int | None
    name: str | None
    packet: dict[str, Any]


class BridgeOutcomeJson(TypedDict):
    verdict: str
    egress: list[EgressJson]
    reject_with: None
    packet: dict[str, Any]
    when: None
    assumptions: list[AssumptionJson]
    probability: float
    decided_by: FlowStepJson | None
    reason: str | None
    explanation: list[str]
    steps: list[FlowStepJson]


class BridgeWhyJson(TypedDict):
    schema: str
    id: Any
    outcomes: list[BridgeOutcomeJson]
    complete: bool
    diagnostics: list[DiagnosticJson]


class WholeOutcomeJson(TypedDict):
    """Of a packet that crossed between bridges and the rules of their node."""

    verdict: str
    egress: str | list[EgressJson] | None
    overlay: OverlayJson | None
    reject_with: str | None
    packet: dict[str, Any]
    when: list[dict[str, str]] | None
    when_cut: bool
    assumptions: list[AssumptionJson]
    probability: float
    decided_by: PlaceJson | FlowStepJson | None
    reason: str | None
    explanation: list[str]
    steps: list[StepJson | FlowStepJson]
    reply: list[WholeOutcomeJson] | None


class WholeWhyJson(TypedDict):
    schema: str
    id: Any
    outcomes: list[WholeOutcomeJson]
    complete: bool
    diagnostics: list[DiagnosticJson]


class RelatedJson(TypedDict):
    file: str
    line: int
    column: int
    text: str
    says: str


class FindingJson(TypedDict):
    rule: str
    severity: str
    message: str
    file: str
    line: int
    column: int
    text: str
    related: list[RelatedJson]
    fix: str | None
    fingerprint: str


class LintJson(TypedDict):
    schema: str
    findings: list[FindingJson]


class JudgedJson(TypedDict):
    name: str
    status: str
    passed: bool
    expected: str
    file: str
    line: int
    because: list[str]
    witness: dict[str, Any] | None
    walked: WhyJson | BridgeWhyJson | WholeWhyJson | None


class CheckJson(TypedDict):
    schema: str
    results: list[JudgedJson]


class PacketsJson(TypedDict):
    verdict: str
    egress: str | None
    reject_with: str | None
    decided_by: PlaceJson | FlowStepJson | None
    reason: str | None
    explanation: list[str]
    when: list[dict[str, str]] | None
    when_cut: bool
    assumptions: list[AssumptionJson]
    probability: float
    packets: int
    rewrites: list[dict[str, str | int]]
    rewrites_cut: bool
    witness: dict[str, Any]
    names: dict[str, str]


class QueryJson(TypedDict):
    schema: str
    family: int
    sets: list[PacketsJson]
    packets: int
    diagnostics: list[DiagnosticJson]


class PartyJson(TypedDict):
    kind: str
    name: str | None
    remark: str | None
    addresses: list[str] | None
    but: list[str]
    interfaces: list[str]
    proto: str | None
    port: int | None


class MetJson(TypedDict):
    verdict: str
    egress: str | None
    reject_with: str | None
    decided_by: PlaceJson | None
    reason: str | None
    when: list[dict[str, str]] | None
    when_cut: bool
    assumptions: list[AssumptionJson]
    probability: float
    witness: dict[str, Any]


class QuestionJson(TypedDict):
    question: str
    settle: str


class CellJson(TypedDict):
    source: int
    target: int
    verdict: str
    on: list[QuestionJson]
    fates: list[MetJson]
    more: int


class MatrixJson(TypedDict):
    schema: str
    family: int
    parties: list[PartyJson]
    cells: list[CellJson]
    notes: list[str]
    diagnostics: list[DiagnosticJson]


class ChangeJson(TypedDict):
    family: int
    local: bool
    change: str
    fields: list[str]
    before: PacketsJson
    after: PacketsJson


class CountsJson(TypedDict):
    local: bool
    when: list[dict[str, str]] | None
    when_cut: bool


class MovedJson(TypedDict):
    rule: PlaceJson
    family: int
    packets: int
    octets: int
    reset: bool
    counts: list[CountsJson] | None


class CountersJson(TypedDict):
    moved: list[MovedJson]
    notes: list[str]


class DiffJson(TypedDict):
    schema: str
    changes: list[ChangeJson]
    counters: CountersJson | None
    notes: list[str]
    diagnostics: list[DiagnosticJson]


class NodeJson(TypedDict):
    """A box: a chain, a hook, a flow table, a group, or several `chains` in one; `of` says what `rules` counts."""

    id: str
    group: str
    label: str
    cluster: NotRequired[str]
    means: NotRequired[str]
    rules: int | None
    base: bool
    of: NotRequired[str]
    unit: NotRequired[str]
    chains: NotRequired[int]
    walked: NotRequired[bool]
    fate: NotRequired[str]


class EdgeJson(TypedDict):
    """A rule that leads from one box to another; `when` is what it asks of a packet."""

    source: str
    target: str
    kind: str
    rule: int | None
    line: int | None
    text: str
    when: NotRequired[str]
    walked: NotRequired[bool]


class GraphJson(TypedDict):
    schema: str
    note: str | None
    nodes: list[NodeJson]
    edges: list[EdgeJson]


class ShowJson(TypedDict):
    schema: str
    node: Inventory


SCHEMAS: dict[str, Any] = {
    "why": WhyJson,
    "why-bridge": BridgeWhyJson,
    "why-whole": WholeWhyJson,
    "query": QueryJson,
    "matrix": MatrixJson,
    "diff": DiffJson,
    "lint": LintJson,
    "check": CheckJson,
    "graph": GraphJson,
    "show": ShowJson,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON schema of a command's answer, or of a file of expectations. Raises KeyError."""
    from pydantic import TypeAdapter

    if name == "expectations":
        from ruleparse.check.model import Expectations

        return Expectations.model_json_schema()
    return TypeAdapter(SCHEMAS[name]).json_schema()
