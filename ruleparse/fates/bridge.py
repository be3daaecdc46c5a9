"""What becomes of all packets of a bridge: which copies each sends, and the flow that decided last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import End, Hit, Walk

PORT = "flow.out_port"
PASS = "flow.pass"
FAILED = "flow.failed"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that some packets send: to a port, or to what `to` says; `end` is how it looks by then."""

    to: str
    port: int | None
    end: End


@dataclass(frozen=True, slots=True)
class Sending:
    """Packets that send the same copies, none if they are dropped."""

    where: Bool
    copies: tuple[Copy, ...]

    @property
    def verdict(self) -> str:
        """accept where a port gets one, controller where only that does, else drop."""
        if not self.copies:
            return "drop"
        return "controller" if all(copy.to == "controller" for copy in self.copies) else "accept"

    @property
    def ways_out(self) -> tuple[tuple[str, int | None], ...]:
        """Where the copies go, in no order that matters."""
        return tuple(sorted(((copy.to, copy.port) for copy in self.copies), key=repr))


def sendings(found: Walk, reach: Bool) -> list[Sending]:
    """All packets by the copies that they send; no packet is in two."""
    parts: list[Sending] = []
    covered: Bool = False
    for where, copy in _copies(found):
        if bits.both(where, covered) is not False:
            parts = [piece for part in parts for piece in _with(part, where, copy)]
        if (fresh := bits.without(where, covered)) is not False:
            parts.append(Sending(fresh, (copy,)))
        covered = bits.either(covered, where)
    dropped = bits.without(reach, covered)
    return [*parts, Sending(dropped, ())] if dropped is not False else parts


def _with(part: Sending, where: Bool, copy: Copy) -> Iterator[Sending]:
    both = bits.both(part.where, where)
    if both is False:
        yield part
        return
    yield Sending(both, (*part.copies, copy))
    if (rest := bits.without(part.where, where)) is not False:
        yield Sending(rest, part.copies)


def _copies(found: Walk) -> Iterator[tuple[Bool, Copy]]:
    """What is sent; nothing of a pass that went wrong."""
    spoiled = [end for end in found.ends if end.stop.verdict == "drop" and end.packet[FAILED] != 0]
    for end in found.ends:
        if end.stop.verdict != "output":
            continue
        same = (bits.both(bad.when, bits.equal(bad.packet[PASS], end.packet[PASS])) for bad in spoiled)
        where = bits.without(end.when, bits.any_of(same))
        if where is not False:
            port = bits.constant(end.packet[PORT], where) if end.stop.reason == "port" else None
            yield where, Copy(end.stop.reason or "", port, end)


def last_of(found: Walk, reach: Bool, is_step: Callable[[Hit], bool]) -> list[tuple[Bool, Hit]]:
    """Packets by the last of some rules that they hit."""
    parts: list[tuple[Bool, Hit]] = []
    rest = reach
    for hit in reversed(found.hits):
        if rest is False:
            break
        if is_step(hit) and (mine := bits.both(rest, hit.when)) is not False:
            parts.append((mine, hit))
            rest = bits.without(rest, mine)
    return parts


def told_apart(parts: Sequence[tuple[Bool, Hit]], where: Bool) -> Iterator[tuple[Bool, Hit]]:
    """Some packets by the rule that decided last."""
    for there, hit in parts:
        if where is False:
            return
        if (both := bits.both(there, where)) is not False:
            yield both, hit
            where = bits.without(where, there)
