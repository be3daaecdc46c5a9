"""Groups as tables of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ruleparse.bits import Bool, all_of, any_of, equal_masked
from ruleparse.openflow.action_set import in_order
from ruleparse.openflow.calls import DEEPER, unless_too_much
from ruleparse.openflow.choices import mixed_as_usual, shares
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.groups import Bucket, Group
from ruleparse.openflow.hashing import best_bucket, hash_fields
from ruleparse.openflow.keys import NEEDS, FlowKey
from ruleparse.openflow.questions import settled_for_all, unsettled
from ruleparse.openflow.steps import EXIT, LASTING, Bridge, Steps
from ruleparse.packet import Packet, assumption
from ruleparse.program import Action, Call, Emit, Fork, Masked, Return, Rule, Set, Table, Test

_FAILED = Rule((Masked(flow("failed"), 1, -1),), (EXIT,))
_NOT_HASHED = (Set(flow("exited"), 1), EXIT)


def group_table(name: str, group: Group | None, bridge: Bridge, buckets: type[Buckets] | None = None) -> Table:
    """What a group does; None for one that nobody saved."""
    rules = tuple(_not_saved(name) if group is None else (buckets or Buckets)(group, bridge).rules())
    by_hash = group is not None and group.type == "select" and group.method == "hash"
    narrow = _by_hash(group, rules) if group is not None and by_hash else None

    def guarded(packet: Packet) -> Iterable[Rule]:
        return unless_too_much(packet, rules if narrow is None else narrow(packet))

    return Table(name, rules, narrow=guarded)


def _not_saved(name: str) -> Iterator[Rule]:
    """No switch has flows to a group that it does not have: it was not saved, or cannot be read."""
    question = assumption(f"{name}, which was not saved or cannot be read, drops the packet", "ovs-ofctl dump-groups")
    yield Rule((settled_for_all(question),), (Return(),))
    yield Rule((), (Emit(f"wherever {name} sends it"), Set(flow("exited"), 1), EXIT))


class Buckets:
    def __init__(self, group: Group, bridge: Bridge) -> None:
        self.group = group
        self.bridge = bridge
        self.steps = Steps(bridge, group.span, "0")
        self.what = f"the bucket of group {group.id}"

    def rules(self) -> Iterator[Rule]:
        match self.group.type:
            case "select" if self.group.method == "hash":
                yield from self.one_of(self.group.buckets)
            case "select":
                yield from self.by_datapath()
            case "ff" | "fast_failover":
                yield from self.first_alive()
            case "indirect" if len(self.group.buckets) == 1:
                yield Rule((), (Call(self.alone(self.group.buckets[0])),))
            case _:
                for bucket in self.group.buckets:
                    yield Rule((), (self.fork(bucket),))
                    yield _FAILED

    def one_of(self, buckets: Sequence[Bucket]) -> Iterator[Rule]:
        """Any one, each with its weight as its chance."""
        usable = [b for b in buckets if b.weight != 0]
        for chosen, bucket in zip(shares(self.steps, self.what, _weights(usable)), usable, strict=True):
            yield Rule(chosen, (Call(self.alone(bucket)), Return()))

    def by_datapath(self) -> Iterator[Rule]:
        """Without a hash the packet goes back to the datapath for one, which is where ofproto/trace ends."""
        usable = [b for b in self.group.buckets if b.weight != 0]
        if not usable and self.group.buckets:
            return
        given = Masked(flow("dp_hash"), 0, -1, negated=True)
        question = self.steps.asks(
            f"the datapath has hashed the packet for group {self.group.id}", "ofproto/trace with dp_hash=N"
        )
        hashed = self.bridge.make(Table("", tuple(self.one_of(usable))))
        for test in (given, Masked(flow("live"), 1, -1)):
            yield Rule((test,), (Call(hashed), Return()))
        yield Rule((unsettled(question, negated=True),), _NOT_HASHED)
        yield from self.one_of(usable)

    def first_alive(self) -> Iterator[Rule]:
        for bucket in self.group.buckets:
            alive = self.alive(bucket)
            if alive is not None:
                yield Rule(alive, (Call(self.alone(bucket)), Return()))

    def alive(self, bucket: Bucket) -> tuple[Test, ...] | None:
        """Under which tests a bucket's port is up, None if it is not."""
        port, group = bucket.about("watch_port"), bucket.about("watch_group")
        there = self.bridge.ports_up()
        if port is None and group is None:
            return None
        if port is not None and there is not None:
            return () if self.bridge.port(port) in there else None
        watched = f"port {port}" if port is not None else f"a bucket of group {group}"
        return (settled_for_all(self.steps.asks(f"{watched} is up", "ovs-ofctl dump-ports-desc")),)

    def alone(self, bucket: Bucket) -> str:
        return self.bridge.make(Table("", (Rule((), (self.fork(bucket),)), _FAILED)))

    def fork(self, bucket: Bucket) -> Action:
        """Do a bucket's actions with a copy; what `exit` ends in there ends there."""
        steps = Steps(self.bridge, self.group.span, "0")
        steps.act(in_order(bucket.actions))
        inside = self.bridge.make(Table("", (Rule((), (*steps.body(), Return())),)))
        whole = Table("", (Rule((), (DEEPER, Call(inside, ("exit",)))),))
        return Fork(self.bridge.make(whole), (*LASTING, flow("action_set")))


def _weights(buckets: Sequence[Bucket]) -> list[float]:
    return [float(1 if b.weight is None else b.weight) for b in buckets]


def _by_hash(group: Group, rules: Sequence[Rule]) -> Callable[[Packet], Iterable[Rule]]:
    """The one bucket that the hash of a known packet chooses."""
    hashed = group.hashed
    usable = [(index, b) for index, b in enumerate(group.buckets) if b.weight != 0]
    numbers = [(_bucket_id(b, index), 1 if b.weight is None else b.weight) for index, b in usable]
    parameter = number(group.about("selection_method_param") or "0")
    question = mixed_as_usual(f"group {group.id}", group.span)

    def narrow(packet: Packet) -> Iterable[Rule]:
        if any(_has(packet, key) not in (True, False) for key, _ in hashed):
            return rules
        values = [(key, _value(packet, key)) for key, _ in hashed if _has(packet, key)]
        if any(v is None for _, v in values):
            return rules
        masks = {key.name: mask for key, mask in hashed}
        basis = hash_fields([(k, v & masks[k.name]) for k, v in values if v is not None], parameter)
        best = best_bucket(numbers, basis)
        asked = (settled_for_all(question),) if len(numbers) > 1 else ()
        return () if best is None else (Rule(asked, rules[best].actions),)

    return narrow


def _bucket_id(bucket: Bucket, index: int) -> int:
    return number(bucket.about("bucket_id") or str(index))


def _value(packet: Packet, key: FlowKey) -> int | None:
    """The value of a field, None if it is not known."""
    total, at = 0, 0
    for part in key.parts:
        n = packet[flow(part.field)]
        if not isinstance(n, int):
            return None
        total |= (n >> part.offset & (1 << part.width) - 1) << at
        at += part.width
    return total


def _has(packet: Packet, key: FlowKey) -> Bool:
    """Whether a packet has a field."""
    return any_of(all_of(equal_masked(packet[t.field], t.value, t.mask) for t in case) for case in NEEDS[key.needs])
