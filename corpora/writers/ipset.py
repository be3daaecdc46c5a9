"""Text of `ipset save`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from .model import Family


@dataclass(frozen=True)
class IpSet:
    name: str
    kind: str
    members: tuple[str, ...] = ()
    family: Family = 4
    max_elements: int = 1048576

    def lines(self) -> list[str]:
        word = "inet" if self.family == 4 else "inet6"
        options = f"family {word} hashsize 1024 maxelem {self.max_elements} bucketsize 12 initval {self._seed()}"
        if self.kind == "bitmap:port":
            options = "range 0-65535"
        return [f"create {self.name} {self.kind} {options}", *(f"add {self.name} {each}" for each in self.members)]

    def _seed(self) -> str:
        """The kernel draws it at random; here it is the same on every run."""
        return "0x" + hashlib.sha256(self.name.encode()).hexdigest()[:8]


def ipset_save(sets: Iterable[IpSet]) -> str:
    return "".join(f"{line}\n" for each in sets for line in each.lines())
