"""What a switch remembers: connections, flows that it was told to learn, and behind which port an address is.

No time passes, so nothing of it expires.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ruleparse.netfilter.tracking.tracker import Tracker
from ruleparse.openflow.columns import Bits
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.lookup import Classifier

Place = tuple[Bits, tuple[int, ...], int]
"""What a flow matches, and its priority: a second flow of the same table takes the place of the first."""
Fresh = tuple[int, str, Place, Flow]
"""In which pass of the packet it was learned, and for which table."""


@dataclass
class BridgeMemory:
    """`ports` are by VLAN and Ethernet address; `learned` by table."""

    tracker: Tracker
    loose: bool | None = None
    """whether a TCP segment from the middle begins a connection; None if nobody saved that"""
    learned: dict[str, dict[Place, Flow]] = field(default_factory=dict)
    ports: dict[tuple[int, int], int] = field(default_factory=dict)
    passes: int = field(default=0, compare=False)
    """how often the present packet came back from conntrack"""
    _fresh: list[Fresh] = field(default_factory=list, compare=False)
    _classifiers: dict[str, Classifier] = field(default_factory=dict, compare=False)

    def copy(self) -> BridgeMemory:
        """As it is between two packets."""
        self.settle()
        learned = {table: dict(flows) for table, flows in self.learned.items()}
        return BridgeMemory(self.tracker.copy(), self.loose, learned, dict(self.ports), 0, [], dict(self._classifiers))

    def flows(self, table: str, during: int) -> Classifier | None:
        """The learned flows that a packet may find in a pass: one sees what was learned before it began."""
        self.settle(during)
        if table not in self.learned:
            return None
        if table not in self._classifiers:
            classifier = self._classifiers[table] = Classifier()
            for (bits, values, priority), flow in self.learned[table].items():
                classifier.at(bits, priority)[values] = flow
        return self._classifiers[table]

    def count(self, table: str, cookie: int) -> int:
        """How many flows of a table were learned with this cookie."""
        fresh = {place: flow for _, name, place, flow in self._fresh if name == table}
        return sum(flow.cookie == cookie for flow in {**self.learned.get(table, {}), **fresh}.values())

    def knows(self, table: str, place: Place) -> bool:
        return place in self.learned.get(table, {}) or any(f[1:3] == (table, place) for f in self._fresh)

    def learn(self, during: int, table: str, place: Place, flow: Flow) -> None:
        self._fresh.append((during, table, place, flow))

    def settle(self, before: int | None = None) -> None:
        """What was learned in passes before this one, in all if None, is there from now on."""
        late = [fresh for fresh in self._fresh if before is not None and fresh[0] >= before]
        for _, table, place, flow in self._fresh[: len(self._fresh) - len(late)]:
            if self.learned.setdefault(table, {}).get(place) is not flow:
                self.learned[table][place] = flow
                self._classifiers.pop(table, None)
        self._fresh = late
