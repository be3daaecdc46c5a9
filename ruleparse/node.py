"""A node as a Python program sees it: read once, asked many times."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ruleparse.snapshot import Snapshot
from ruleparse.snapshot import load as load_snapshot
from ruleparse.text import Diagnostic

if TYPE_CHECKING:
    import networkx

    from ruleparse.changes.host import Difference
    from ruleparse.lint.finding import Finding
    from ruleparse.lint.run import Wanted
    from ruleparse.query.host import Answer as Sets
    from ruleparse.query.matrix import Matrix
    from ruleparse.sessions.bridge import BridgeSession
    from ruleparse.sessions.host import Session
    from ruleparse.sessions.journey import JourneySession


def _spec(packet: dict[str, Any]) -> dict[str, Any]:
    """A description as `why` reads it: Python's own words carry an underscore (`in_`)."""
    return {key.rstrip("_"): value for key, value in packet.items()}


class Node:
    """The saved dumps of one node."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def why(self, **packet: Any) -> Any:
        """Walk one packet, and if `reply` is true what answers it: an Answer of `ruleparse.why`, where it meets a
        bridge a BridgeAnswer of `ruleparse.why_bridge` or a WholeAnswer of `ruleparse.journey`. Keys are the option
        names of `ruleparse why` (`in_` for `in`). Raises SpecError.
        """
        if packet.pop("reply", False):
            return self._why_and_back(_spec(packet))
        if self.snapshot.bridges is not None:
            from ruleparse.journey import why_node

            return why_node(self.snapshot, _spec(packet))
        from ruleparse.why import why

        return why(self.snapshot, _spec(packet))

    def _why_and_back(self, spec: dict[str, Any]) -> Any:
        if self.snapshot.bridges is not None:
            from ruleparse.journey import is_whole
            from ruleparse.sessions.journey import why_there_and_back

            if is_whole(self.snapshot):
                return why_there_and_back(self.snapshot, spec)
        from ruleparse.sessions.host import why_and_back

        return why_and_back(self.snapshot, spec)

    def session(self) -> NodeSession:
        """Packets one after another: each meets the connections, counters and lists that those before it left."""
        return NodeSession(self.snapshot)

    def query(
        self,
        *,
        verdict: str | None = None,
        decided_by: str | None = None,
        egress: str | None = None,
        reaches: str | None = None,
        **packet: Any,
    ) -> Sets:
        """All packets of a description by their fate. Keys are those of `why`. Raises SpecError, MemoryError."""
        from ruleparse.query.host import Wanted, query

        spec = _spec(packet)
        return query(self.snapshot, spec, Wanted(verdict, decided_by, egress, reaches))

    def matrix(
        self, *, by: Literal["party", "address"] = "party", chain: str | None = None, most: int = 30, **packet: Any
    ) -> Matrix:
        """Who reaches whom among pods, services, networks, the node and the outside; keys are those of `why`.

        By address, it is among classes of addresses that fare alike, of the node or of one base `chain`. Of each kind
        `most` are told. Raises SpecError, MemoryError.
        """
        spec = _spec(packet)
        if by == "address":
            from ruleparse.query.address_matrix import address_matrix

            return address_matrix(self.snapshot, spec, chain, most)
        from ruleparse.query.matrix import matrix

        return matrix(self.snapshot, spec, most)

    def graph(self, family: int | None = None, bridge: str | None = None) -> networkx.MultiDiGraph[str]:
        """Chains as nodes, or the tables and groups of a bridge; what leads from one to the other as edges. Raises
        NoSuchThing.
        """
        from ruleparse.drawing.picture import Wanted, picture

        return picture(self.snapshot, Wanted(family=family, bridge=bridge, whole=True))

    def lint(self, wanted: Wanted | None = None) -> list[Finding]:
        """What is wrong with the rules, in the order of the dumps. Raises NoSuchRule."""
        from ruleparse.lint.run import lint

        return lint(self.snapshot, wanted)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What the readers have to say so far."""
        return self.snapshot.all_diagnostics()


class NodeSession:
    """What a node remembers while packets pass. No time passes between them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def _rules(self) -> Session | JourneySession:
        from ruleparse.sessions.host import Session

        if self._snapshot.bridges is None:
            return Session(self._snapshot)
        from ruleparse.journey import is_whole
        from ruleparse.sessions.journey import JourneySession

        return JourneySession(self._snapshot) if is_whole(self._snapshot) else Session(self._snapshot)

    @cached_property
    def _bridges(self) -> BridgeSession:
        from ruleparse.sessions.bridge import BridgeSession

        return BridgeSession(self._snapshot)

    def why(self, **packet: Any) -> Any:
        """Walk the next packet. Keys and answers are those of Node.why. Raises SpecError."""
        reply = packet.pop("reply", False)
        if {"bridge", "flow"} & packet.keys() and not self._snapshot.families:
            return self._bridges.why(_spec(packet))
        return self._rules.why(_spec(packet), reply=reply)


def load(*paths: str | Path) -> Node:
    """Read files, folders and `-` as one node. Raises OSError, or NothingRead if none holds rules."""
    return Node(load_snapshot(paths))


def diff(
    before: Node | str | Path, after: Node | str | Path, *, ignore: Collection[str] = (), **packet: Any
) -> Difference:
    """The packets that changed fate between two nodes; keys are those of `Node.query`.

    `ignore` names what does not count: `ttl`, `mark`, `egress` … Raises SpecError, MemoryError, and what `load` does.
    """
    from ruleparse.changes.host import difference

    sides = [side if isinstance(side, Node) else load(side) for side in (before, after)]
    spec = _spec(packet)
    return difference(sides[0].snapshot, sides[1].snapshot, spec, ignore)
