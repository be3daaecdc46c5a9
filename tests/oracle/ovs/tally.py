"""How often which match field and action was met, and how often ruleparse was right about it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.oracle.compare import EXACT, SILENT, UNKNOWN, WRONG, Judgement
from tests.oracle.ovs.trace import Trace

_COLUMNS = (EXACT, UNKNOWN, WRONG, SILENT)
_FLOW = re.compile(r"table=(\d+),priority=(\d+),?(.*) actions=(.*)$")
_ACTION = re.compile(r"(?:^|[,(])([A-Za-z_]+)(?=[:(,)]|$)")
_REGISTER = re.compile(r"\d+$")
Used = dict[tuple[int, int | None], set[str]]


@dataclass(slots=True)
class Tally:
    total: Counter[str] = field(default_factory=Counter)
    by_feature: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    differences: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    recirculations: int = 0

    def add(self, used: Used, trace: Trace, judgement: Judgement) -> None:
        self.total[judgement.kind] += 1
        self.differences[judgement.what] += bool(judgement.what)
        self.steps += len(trace.steps)
        self.recirculations += len(trace.segments) - 1
        features = {name for step in trace.steps for name in used.get((step.table, step.priority), ())}
        for name in features:
            self.by_feature[name][judgement.kind] += 1

    def table(self) -> str:
        """Packets that met a flow with a field or an action, by judgement."""
        lines = [f"{'':18}{'packets':>9}" + "".join(f"{column:>11}" for column in _COLUMNS)]
        rows = sorted(self.by_feature.items(), key=lambda item: item[0].lower())
        for name, counts in [*rows, ("all", self.total)]:
            cells = "".join(f"{counts[column] or '':>11}" for column in _COLUMNS)
            lines.append(f"{name:18}{counts.total():>9}{cells}")
        return "\n".join(lines)


def features(flows: Iterable[str]) -> Used:
    """What each flow is made of: `dl_dst=`, `reg=` for fields, `ct`, `load` for actions."""
    used: Used = defaultdict(set)
    for flow in flows:
        found = _FLOW.search(flow)
        assert found is not None, flow
        fields = {_REGISTER.sub("", part.split("=")[0]) + "=" for part in found[3].split(",") if "=" in part}
        used[int(found[1]), int(found[2])] |= fields | set(_ACTION.findall(found[4]))
    return used
