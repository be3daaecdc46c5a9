"""Packets one after another through a real switch that tracks, translates and learns, and through `--stateful`.

python -m tests.oracle.ovs.sequences --seed 1 --seconds 600 --keep /tmp/disagreements
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from corpora.vswitchd import missing
from tests.bridge_packets import Headers, Sent
from tests.oracle.answers import NoAnswerError
from tests.oracle.compare import EXACT, SILENT, UNKNOWN, WRONG
from tests.oracle.ovs import answers
from tests.oracle.ovs.draw import draw, draw_packet
from tests.oracle.ovs.flavours import choose, dump
from tests.oracle.ovs.judge import Refused
from tests.oracle.ovs.passing import Passage, Passed, passage
from tests.oracle.ovs.pipeline import Packet, Pipeline
from tests.oracle.ovs.tally import features
from tests.oracle.ovs.world import Site

_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "tcp6": 6, "udp6": 17}
_ANSWERS = {8: 0, 128: 129}
_ENDS = ("p_src", "p_dst", "_type", "_code")
_SYN, _ACK = 2, 16
_LEFT_TO_CHANCE = re.compile(r"(nat\((?:src|dst)=\[?[0-9a-f.:]+?)-[0-9a-f.:]+?(?=[\]:),]|$)(?=\]|:\d|\)|,)")
_TWICE = re.compile(r"resubmit\(,\d+\),resubmit|(?:ct\(.*nat.*\)|resubmit\(,\d+\)),output|clone\(.*ct\(")
"""What goes on with a packet behind `ct(nat)`: the datapath has rewritten it, the translation does not know."""


def first(site: Site) -> Sent | None:
    """A packet as the other oracle draws them, where it is plain IP."""
    given = dict(word.partition("=")[::2] for word in draw_packet(site, False).flow.split(","))
    name = next((word for word in given if word in _PROTOCOLS), None)
    plain = {"nw_frag", "dl_vlan", "pkt_mark", "tun_id", "metadata", "nw_tos", "nw_ecn"}.isdisjoint(given)
    if name is None or not plain or not given["in_port"].isdecimal():
        return None
    first_end, last_end = (int(text) for word, text in given.items() if word.endswith(_ENDS) and text.isdecimal())
    family = "ipv6" if name.endswith("6") else "nw"
    headers = Headers(
        given["dl_src"],
        given["dl_dst"],
        given[f"{family}_src"],
        given[f"{family}_dst"],
        _PROTOCOLS[name],
        first_end,
        last_end,
        int(given["nw_ttl"]),
        tcp_flags=_SYN if name.startswith("tcp") else 0,
    )
    return Sent(int(given["in_port"]), headers)


def answer(port: int, seen: Headers, sent: Headers) -> Sent | None:
    """What whoever got a packet says to it."""
    flags = (_SYN | _ACK if sent.tcp_flags == _SYN else _ACK) if seen.proto == 6 else 0
    ends = (seen.dport, seen.sport)
    if seen.proto in (1, 58):
        if seen.sport not in _ANSWERS:
            return None
        ends = (_ANSWERS[seen.sport], 0)
    turned = Headers(seen.dst_mac, seen.src_mac, seen.dst, seen.src, seen.proto, *ends, 64, 0, flags)
    return Sent(port, turned) if port < 65000 and seen.src else None


@dataclass
class Talk:
    """Decides which packet is next."""

    site: Site
    answers: list[Sent] = field(default_factory=list)
    before: list[Sent] = field(default_factory=list)

    def next(self) -> Sent:
        random = self.site.random
        if self.answers and self.site.chance(0.5):
            return self.answers.pop(random.randrange(len(self.answers)))
        if self.before and self.site.chance(0.35):
            return random.choice(self.before)
        while True:
            if (found := first(self.site)) is not None:
                return found

    def heard(self, sent: Sent, passed: Passed) -> None:
        if sent.headers.tcp_flags != _SYN | _ACK:
            self.before = [*self.before[-6:], sent]
        found = [answer(port, seen, sent.headers) for port, seen in passed.copies]
        self.answers = [*self.answers, *(one for one in found if one is not None)][-6:]


@dataclass(slots=True)
class Campaign:
    seed: str
    packets: int = 40
    keep: Path | None = None
    total: Counter[str] = field(default_factory=Counter)
    by_feature: dict[str, Counter[str]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    pipelines: int = 0

    def run(self, seconds: float) -> None:
        start, number = time.monotonic(), 0
        with passage() as switch:
            while time.monotonic() - start < seconds:
                number += 1
                try:
                    self.one(switch, f"{self.seed}-{number}")
                except (Refused, ValueError) as refused:
                    self.refused[str(refused)[:100]] += 1
                except NoAnswerError as silent:
                    self.total[SILENT] += 1
                    self.wrong.append(f"{self.seed}-{number}: {silent}")

    def one(self, switch: Passage, seed: str) -> None:
        drawn, site = draw(seed)
        settled = tuple(_LEFT_TO_CHANCE.sub(r"\1", flow).replace(":1024-2048", ":1024") for flow in drawn.flows)
        settled = tuple(flow for flow in settled if not _TWICE.search(flow))
        pipeline = switch.judge.load(replace(drawn, flows=settled))
        if not any("ct(" in flow or "learn(" in flow or "NORMAL" in flow for flow in pipeline.flows):
            return
        texts = dump(switch.judge, choose(Random(seed), pipeline))
        switch.begin()
        talk, sent, passed = Talk(site), list[Sent](), list[Passed]()
        for _ in range(self.packets):
            sent.append(talk.next())
            passed.append(switch.send(sent[-1]))
            talk.heard(sent[-1], passed[-1])
        rows = [Packet(one.flow) for one in sent]
        self.pipelines += 1
        found = answers.ask(texts, rows, stateful=True)
        self.judge(seed, pipeline, sent, passed, found, texts)

    def judge(
        self,
        seed: str,
        pipeline: Pipeline,
        sent: list[Sent],
        passed: list[Passed],
        found: list[Any],
        texts: dict[str, str],
    ) -> None:
        used = features(pipeline.flows)
        names = {name: number for number, name in pipeline.names.items()}
        for number, (one, truth, said) in enumerate(zip(sent, passed, found, strict=True)):
            kind, why = compare(truth, said, names)
            self.total[kind] += 1
            for feature in {feature for key in truth.met for feature in used.get(key, ())}:
                self.by_feature.setdefault(feature, Counter())[kind] += 1
            if kind in (WRONG, SILENT):
                self.wrong.append(f"{seed}, packet {number}: {one.flow}: {why}")
                self._keep(f"{seed}-{number}", texts, sent[: number + 1], self.wrong[-1])
                return

    def _keep(self, name: str, texts: dict[str, str], sent: list[Sent], why: str) -> None:
        if self.keep is not None:
            answers.write_node(self.keep / name, texts, [Packet(one.flow) for one in sent])
            (self.keep / name / "why.txt").write_text(why + "\n")

    def report(self) -> Iterator[str]:
        yield f"{self.pipelines} pipelines, {self.total.total()} packets: {dict(self.total)}"
        yield from (f"left out, {count} times: {reason}" for reason, count in self.refused.most_common(3))
        yield f"{'':18}{'packets':>9}{'exact':>9}{'unknown':>9}{'wrong':>9}"
        for name, counts in sorted(self.by_feature.items(), key=lambda item: item[0].lower()):
            cells = "".join(f"{counts[kind] or '':>9}" for kind in (EXACT, UNKNOWN, WRONG))
            yield f"{name:18}{counts.total():>9}{cells}"
        yield from self.wrong[:10]


def compare(truth: Passed, said: dict[str, Any] | None, names: dict[str, int]) -> tuple[str, str]:
    """Ports, headers and flows met, of each outcome."""
    outcomes = (said or {}).get("outcomes")
    if not outcomes:
        return SILENT, "no answer"
    wanted = Counter(_plain(port, headers) for port, headers in truth.copies)
    differences = []
    for outcome in outcomes:
        copies = Counter(_said(egress) for egress in outcome["egress"])
        steps = [step for step in outcome["steps"] if step["priority"] is not None]
        met = Counter((names.get(str(step["table_name"]), step["table"]), step["priority"]) for step in steps)
        if copies == wanted and met == truth.met:
            return (EXACT, "") if not outcome["assumptions"] or _only_old(outcome) else (UNKNOWN, "")
        differences.append(f"{dict(wanted)} {dict(truth.met)} is {dict(copies)} {dict(met)}")
    return WRONG, differences[0]


def _only_old(outcome: dict[str, Any]) -> bool:
    return all("OpenFlow 1.0" in one["question"] for one in outcome["assumptions"])


def _plain(port: int, h: Headers) -> tuple[Any, ...]:
    return port, h.src_mac, h.dst_mac, h.src, h.dst, h.sport, h.dport, h.ttl


def _said(egress: dict[str, Any]) -> tuple[Any, ...]:
    p = egress["packet"]
    ends = (p["icmp_type"], p["icmp_code"]) if "icmp_type" in p else (p["sport"], p["dport"])
    port = 65534 if egress["port"] == "LOCAL" else egress["port"]
    return port, p["src_mac"], p["dst_mac"], p["src"], p["dst"], *ends, p["ttl"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.ovs.sequences", description=__doc__)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--packets", type=int, default=40, help="for each pipeline")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    asked = parser.parse_args()
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return 2
    campaign = Campaign(asked.seed, asked.packets, asked.keep)
    try:
        campaign.run(asked.seconds)
    finally:
        print(*campaign.report(), sep="\n")
    return bool(campaign.total[WRONG] or campaign.total[SILENT])


if __name__ == "__main__":
    sys.exit(main())
