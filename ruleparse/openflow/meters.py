"""Meters: what `dump-meters` says of their rates, and `meter-stats` of what they dropped (ovs-ofctl(8))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ruleparse.openflow.by_line import lines
from ruleparse.text import Diagnostic, Source

_UNITS = {"kbps": "kbit/s", "pktps": "packets/s"}
_BURSTS = {"kbps": "kbit", "pktps": "packets"}


@dataclass(frozen=True, slots=True)
class Band:
    """What happens above a rate; `burst` in a row are let through all the same."""

    kind: str
    rate: int
    burst: int | None


@dataclass(slots=True)
class Meter:
    """`dropped` is how many packets its bands caught so far, None if nobody saved that."""

    number: int
    unit: str = ""
    bands: list[Band] = field(default_factory=list)
    dropped: int | None = None

    def __str__(self) -> str:
        """`meter 1 (drops above 100 packets/s, bursts of 200 packets; 12 dropped so far)`."""
        said = [
            f"{_DOES.get(b.kind, b.kind)} above {b.rate} {_UNITS.get(self.unit, '')}{self._burst(b)}"
            for b in self.bands
        ]
        counted = [] if self.dropped is None else [f"{self.dropped} so far"]
        inside = "; ".join(filter(None, (", ".join(said), *counted)))
        return f"meter {self.number} ({inside})" if inside else f"meter {self.number}"

    def _burst(self, band: Band) -> str:
        return f", bursts of {band.burst} {_BURSTS.get(self.unit, '')}" if band.burst else ""


_DOES = {"drop": "drops", "dscp_remark": "changes DSCP"}


def read_meters(sources: Iterable[Source]) -> tuple[dict[int, Meter], list[Diagnostic]]:
    """The meters that some texts hold, by number. Never raises."""
    found: dict[int, Meter] = {}
    problems: list[Diagnostic] = []
    for source in sources:
        problems += _read(source, found)
    return found, problems


def _read(source: Source, found: dict[int, Meter]) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    last: Meter | None = None
    for line, span in lines(source, "ovs_meters", "meters"):
        if isinstance(line, Diagnostic):
            problems.append(line)
            continue
        given = [None if word is None else str(word) for word in line.children]
        if line.data in ("meter", "meter_count"):
            last = found.setdefault(int(given[0] or 0), Meter(int(given[0] or 0)))
            if line.data == "meter":
                last.bands, last.unit = [], next((flag for flag in given[1:] if flag in _UNITS), "")
            else:
                last.dropped = 0
        elif last is None:
            problems.append(Diagnostic("syntax", "error", "this band stands behind no meter", span))
        elif line.data == "band":
            last.bands.append(Band(given[0] or "", int(given[1] or 0), None if given[2] is None else int(given[2])))
        else:
            last.dropped = (last.dropped or 0) + int(given[1] or 0)
    return problems
