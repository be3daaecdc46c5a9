"""Settings that say how conntrack judges segments of a connection, saved or not.

Source: Documentation/networking/nf_conntrack-sysctl.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields, replace

from ruleparse.netfilter.extension import ask
from ruleparse.netfilter.settings import number
from ruleparse.netfilter.tracking.judged import Judged
from ruleparse.packet import Assumption, assumption
from ruleparse.program import Test

_PREFIX = "net.netfilter.nf_conntrack_tcp_"


@dataclass(frozen=True, slots=True)
class Settings:
    """None where a setting was not saved. What `nf_conntrack_tcp_loose` allows is asked before a connection begins."""

    be_liberal: bool | None
    ignore_invalid_rst: bool | None

    @classmethod
    def of(cls, sysctl: Mapping[str, str]) -> Settings:
        saved = {one.name: number(sysctl, _PREFIX + one.name) for one in fields(cls)}
        return cls(**{name: None if value is None else value != 0 for name, value in saved.items()})

    def answered(self, known: Mapping[tuple[str, Hashable], int]) -> Settings:
        """With what the answers given so far say of those that were not saved; what nobody asked for is off."""
        answers = {name: bool(known.get((_question(name).question, None), 0)) for name in self._open()}
        return replace(self, **answers)

    def cases(self, judge: Callable[[Settings], Judged]) -> list[tuple[tuple[Test, ...], Judged]]:
        """What a packet is judged to be, by the answers on which that depends."""
        name = next(iter(self._open()), None)
        if name is None:
            return [((), judge(self))]
        on, off = (replace(self, **{name: value}).cases(judge) for value in (True, False))
        if on == off:
            return on
        tested = ((ask(_question(name), negated), cases) for negated, cases in ((False, on), (True, off)))
        return [((test, *tests), judged) for test, cases in tested for tests, judged in cases]

    def _open(self) -> list[str]:
        return [one.name for one in fields(self) if getattr(self, one.name) is None]


def _question(name: str) -> Assumption:
    return assumption(f"{_PREFIX}{name} is 1", f"sysctl {_PREFIX}{name}")
