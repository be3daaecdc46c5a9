"""Expectations that hold on a node now: which pods reach which services and pods, and which are kept from them.

Proposed are fates that no open question decides: of packets from each pod with an interface here, and from the node, to
every port of every service, and by TCP and UDP to every pod here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, zip_longest
from typing import Any

from ruleparse.check.fates import AnyAnswer, AnyOutcome, obeys
from ruleparse.check.judging import open_questions, source_port_taken
from ruleparse.check.model import Expected
from ruleparse.cni.names import Names
from ruleparse.codec import show_address, show_protocol
from ruleparse.journey import why_node
from ruleparse.parties import Party, parties_of
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.whereabouts import Nowhere, Options, Whereabouts
from ruleparse.why_bridge import BridgeOutcome

MOST = 2000
"""Packets that are walked."""
PROTOCOLS = ("tcp", "udp")
_SPORT = "40000"
"""Of packets that cross a bridge, where ports are looked at one by one."""
Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Shows how far it is while it goes through some things, of which it is told the number."""


@dataclass(frozen=True, slots=True)
class End:
    """One end: a text as `from` and `to` take it, if there is one, and the packets that it means."""

    text: str | None
    options: Options

    @property
    def address(self) -> str | None:
        return self.options.get("src") or self.options.get("dst")


@dataclass(frozen=True, slots=True)
class Proposed:
    """Packets from any of some ends to any of others, and the fate that they have; an expectation in its parts."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    packet: Options
    expect: str | Mapping[str, str]


@dataclass
class Proposals:
    """What is proposed; `left_out` are targets that there was no time for, `unclear` packets with several fates."""

    found: list[Proposed] = field(default_factory=list)
    left_out: int = 0
    unclear: int = 0


Pairs = tuple[tuple[str, str], ...]
Fate = str | Pairs | None
"""None where it is not clear."""


@dataclass(frozen=True, slots=True)
class _Fact:
    source: End
    target: End
    packet: Pairs
    expect: Fate


def propose(snapshot: Snapshot, most: int = MOST, progress: Progress = lambda things, _: things) -> Proposals:
    """Expectations that hold now, walking `most` packets at most."""
    return _Proposer(snapshot, most).propose(progress)


class _Proposer:
    def __init__(self, snapshot: Snapshot, most: int) -> None:
        self.snapshot = snapshot
        self.most = most
        self.where = Whereabouts(snapshot)
        self.proposals = Proposals()

    def propose(self, progress: Progress) -> Proposals:
        pods: list[End] = []
        services: list[End] = []
        for family in self.snapshot.families:
            parties = parties_of(self.snapshot, self.names(family), family).everybody
            pods += [pod for party in parties if party.kind == "pod" and (pod := self.pod(party)) is not None]
            services += [self.service(party, family) for party in parties if party.kind == "service"]
        sources = [*pods, *([End("node", {"local": "true"})] if pods else [])]
        to_pods = [(End(pod.text, _to(pod)), True) for pod in pods]
        turns = zip_longest(to_pods, [(service, False) for service in services])
        pairs = list(self.pairs(sources, [target for turn in turns for target in turn if target is not None]))
        facts = [fact for pair in progress(pairs, len(pairs)) for fact in self.facts(*pair)]
        ports = {f"service {name}": len(spots) for name, spots in self.where.services.items()}
        self.proposals.found = sorted(_whole_services(list(_together(facts)), ports), key=_place)
        return self.proposals

    def names(self, family: int) -> Names:
        return Names.of(self.snapshot.program(family))

    # Ends

    def pod(self, party: Party) -> End | None:
        """A pod by its name, else by its interface if that is its own; None where its packets come in elsewhere."""
        address = party.where
        interface = self.where.port(address) or next(iter(party.interfaces), None)
        if interface is None or self.where.is_bridges(interface):
            return None
        options = {"in": interface, "src": address}
        known = self.where.cluster.pod_at(address)
        texts = [f"pod {known.full_name}"] if known is not None else []
        return End(self.fitting([*texts, f"interface {interface}"], self.where.sources, options), options)

    def service(self, party: Party, family: int) -> End:
        """A service by its name; a port too where it has several."""
        address = show_address(party.addresses[0].value, family)
        given = {"proto": show_protocol(party.proto) if party.proto else None, "dport": party.port}
        options = {"dst": address, **{key: str(value) for key, value in given.items() if value is not None}}
        named = (
            f"service {name}{port}"
            for name, spots in self.where.services.items()
            for port_name, spot in spots
            if spot.address == address and str(spot.port) == options.get("dport")
            for port in ("", f":{port_name or spot.port}")
        )
        return End(self.fitting(named, self.where.targets, options), options)

    @staticmethod
    def fitting(texts: Iterable[str], find: Callable[[str], list[Options]], options: Options) -> str | None:
        """The first text that means these packets, and else only those of the other family."""
        for text in texts:
            try:
                meant = find(text)
            except Nowhere:
                continue
            if options in meant and len(meant) == len({_family(one) for one in meant}):
                return text
        return None

    # Packets

    def pairs(
        self, sources: Sequence[End], targets: Sequence[tuple[End, bool]]
    ) -> Iterator[tuple[End, End, Options, bool]]:
        """Every source with every target, as long as there are not too many."""
        count = 0
        for target, is_pod in targets:
            packets: list[Options] = [{"proto": protocol} for protocol in PROTOCOLS] if is_pod else [{}]
            asked = [(s, target, p, is_pod) for s, p in product(sources, packets) if _talk(s, target)]
            if count + len(asked) > self.most:
                self.proposals.left_out += 1
                continue
            count += len(asked)
            yield from asked

    def facts(self, source: End, target: End, packet: Options, is_pod: bool) -> Iterator[_Fact]:
        spec = {**source.options, **target.options, **packet}
        try:
            answer = why_node(self.snapshot, spec)
            if source_port_taken(answer) is not None:
                packet = {**packet, "sport": _SPORT}
                answer = why_node(self.snapshot, {**spec, **packet})
        except (SpecError, MemoryError):
            self.proposals.unclear += 1
            yield _Fact(source, target, tuple(packet.items()), None)
            return
        fates = list(self.fates(answer, target, is_pod))
        if not fates:
            self.proposals.unclear += 1
            yield _Fact(source, target, tuple(packet.items()), None)
        for ports, expect in fates:
            dport = {"dport": ports} if ports else {}
            yield _Fact(source, target, tuple({**packet, **dport}.items()), expect)

    def fates(self, answer: AnyAnswer, target: End, is_pod: bool) -> Iterator[tuple[str, Any]]:
        """The fates of packets, each with the ports that have it where these decide; nothing where it is not clear."""
        if not answer.complete or not answer.outcomes:
            return
        if _alike(answer):
            yield "", self.expected(answer, target, is_pod)
            return
        if open_questions(answer.outcomes):
            return
        by_verdict: dict[str, list[str]] = {}
        for outcome in answer.outcomes:
            rows = () if isinstance(outcome, BridgeOutcome) else outcome.when or ()
            ports = [row["dport"] for row in rows if set(row) == {"dport"} and not row["dport"].startswith("any")]
            if not rows or len(ports) < len(rows) or _is_cut(outcome) or outcome.probability < 1:
                return
            by_verdict.setdefault(outcome.verdict, []).extend(ports)
        for verdict, ports in sorted(by_verdict.items()):
            yield ",".join(sorted(dict.fromkeys(ports))), verdict

    def expected(self, answer: AnyAnswer, target: End, is_pod: bool) -> Any:
        """What all packets have in common: the endpoints they go to where a service's are known."""
        verdict = answer.outcomes[0].verdict
        if verdict != "accept" or is_pod or target.text is None or not target.text.startswith("service "):
            return verdict
        try:
            places = tuple(self.where.endings(target.text))
        except Nowhere:
            return verdict
        wanted = Expected.model_validate({"to": places})
        goes_there = all(obeys(outcome, wanted) for outcome in answer.outcomes)
        return (("to", target.text),) if goes_there else verdict


def _is_cut(outcome: AnyOutcome) -> bool:
    return not isinstance(outcome, BridgeOutcome) and outcome.when_cut


def _alike(answer: AnyAnswer) -> bool:
    return len({outcome.verdict for outcome in answer.outcomes}) == 1


def _family(options: Options) -> int:
    return 6 if ":" in (options.get("src") or options.get("dst") or "") else 4


def _to(pod: End) -> Options:
    return {"dst": pod.options["src"]}


def _talk(source: End, target: End) -> bool:
    """Whether packets go between two ends on the node: not of two families, and not to itself, unless by a service."""
    mine, theirs = source.options.get("src"), target.address
    return mine is None or (mine != theirs and (":" in mine) == (":" in (theirs or "")))


# Together


def _together(facts: Sequence[_Fact]) -> Iterator[Proposed]:
    """Facts that say the same of the same packets."""
    said: dict[tuple[str | None, str | None], dict[int, set[tuple[Pairs, Fate]]]] = {}
    for fact in facts:
        of_family = said.setdefault((fact.source.text, fact.target.text), {})
        of_family.setdefault(_family(fact.target.options), set()).add((fact.packet, fact.expect))

    def is_named(fact: _Fact) -> bool:
        """Whether both ends have names, and IPv4 and IPv6 the same fates."""
        first, *others = said[fact.source.text, fact.target.text].values()
        return fact.source.text is not None and fact.target.text is not None and all(o == first for o in others)

    facts = [fact for fact in facts if fact.expect is not None]

    yield from _of_names([fact for fact in facts if is_named(fact)])
    yield from _of_addresses([fact for fact in facts if not is_named(fact)])


Said = tuple[Pairs, Fate]
"""What packets there are besides their ends, and their fate."""


def _of_names(facts: Sequence[_Fact]) -> Iterator[Proposed]:
    """Sources of one target together, then targets that have the same sources."""
    sources: dict[Said, dict[str, set[str]]] = {}
    for fact in facts:
        sources.setdefault((fact.packet, fact.expect), {}).setdefault(_text(fact.target), set()).add(_text(fact.source))
    itself = {fact.source.address: _text(fact.source) for fact in facts if fact.source.address is not None}
    own = {_text(fact.target): itself[a] for fact in facts if (a := fact.target.address) in itself}
    for (packet, expect), of_target in sources.items():
        for everybody, targets in _alike_targets(of_target, own).items():
            yield Proposed(_in_order(everybody), _in_order(targets), dict(packet), _plain(expect))


def _alike_targets(sources: Mapping[str, set[str]], own: Mapping[str, str]) -> dict[frozenset[str], list[str]]:
    """Targets by their sources. No pod is its own source, so it may be said to be if more targets are alike then."""
    exact = {target: frozenset(found) for target, found in sources.items()}
    wider = {target: found | {own[target]} if target in own else found for target, found in exact.items()}
    counts = Counter(exact.values()), Counter(wider.values())
    found: dict[frozenset[str], list[str]] = {}
    for target in sources:
        alone = counts[0][exact[target]] >= counts[1][wider[target]]
        found.setdefault(exact[target] if alone else wider[target], []).append(target)
    return found


def _text(end: End) -> str:
    assert end.text is not None
    return end.text


def _whole_services(found: Sequence[Proposed], ports: Mapping[str, int]) -> Iterator[Proposed]:
    """Where all ports of a service have the same sources and lead to its endpoints, the service is said once."""
    groups: dict[tuple[tuple[str, ...], str], list[Proposed]] = {}
    for one in found:
        target = one.targets[0] if len(one.targets) == 1 else ""
        if one.expect == {"to": target} and ":" in target and not one.packet:
            groups.setdefault((one.sources, target.rpartition(":")[0]), []).append(one)
    whole = {(sources, name) for (sources, name), ones in groups.items() if len(ones) == ports.get(name)}
    for one in found:
        name = one.targets[0].rpartition(":")[0] if len(one.targets) == 1 else ""
        ones = groups.get((one.sources, name), [])
        if (one.sources, name) not in whole or one not in ones:
            yield one
        elif one is ones[0]:
            yield Proposed(one.sources, (name,), {}, {"to": name})


def _of_addresses(facts: Sequence[_Fact]) -> Iterator[Proposed]:
    """Sources behind one interface together, for each target; what the node sends to addresses together."""
    sources: dict[tuple[str, Fate, Pairs], list[_Fact]] = {}
    for fact in facts:
        from_node = fact.source.text == "node" and fact.target.options.keys() == {"dst"}
        family = f"IPv{_family(fact.target.options)}"
        to = () if from_node else tuple(fact.target.options.items())
        where = f"{fact.source.options.get('in', 'node')} {family}"
        sources.setdefault((where, fact.expect, (*to, *fact.packet)), []).append(fact)
    for (_, expect, packet), together in sources.items():
        first = together[0].source
        ends = {
            key: _list(fact.target.options[key] for fact in together) for key in ("dst",) if key not in dict(packet)
        }
        if first.address is not None:
            ends |= {**first.options, "src": _list(fact.source.options["src"] for fact in together)}
        texts = () if first.address is not None else (_text(first),)
        yield Proposed(texts, (), {**ends, **dict(packet)}, _plain(expect))


def _list(addresses: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(addresses))


def _place(one: Proposed) -> tuple[object, ...]:
    """Pods first, then services, then addresses; what is said of the same packets together."""
    services = any(target.startswith("service ") for target in one.targets)
    return not one.targets, services, one.targets, tuple(one.packet.items()), str(one.expect), one.sources


def _in_order(texts: Iterable[str]) -> tuple[str, ...]:
    """Names in their order, the node last."""
    return tuple(sorted(texts, key=lambda text: (text == "node", text)))


def _plain(expect: Fate) -> str | Mapping[str, str]:
    return expect if isinstance(expect, str) else dict(expect or ())
