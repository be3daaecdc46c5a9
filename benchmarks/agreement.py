"""How often ruleparse agrees with a recorded kernel, by the matches and targets of the rules that a packet hit.

python -m benchmarks.agreement [--first] [RECORDING.jsonl.gz]

A recording holds a ruleset a line: the saved texts of a node, the packets that were sent through it, and for each what
the kernel did and which rules it hit. Packets are asked about in order, as they came; with --first only the first of
every connection, by itself. exact: one fate, the kernel's, with the same rules hit; unknown: several fates or
assumptions, the kernel's among them; wrong: all else.
Left out are packets with which iptables-legacy and iptables-nft do different things though the text is the same.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import ruleparse
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.registry import target
from ruleparse.netfilter.syntax import Option
from ruleparse.report.schema import WhyJson
from ruleparse.report.why_json import why_json
from ruleparse.why import Answer
from tests.oracle.answers import write_node
from tests.oracle.compare import SILENT, Judgement, judge
from tests.oracle.tally import Tally

QUESTION = {"in": "in", "hex": "hex", "src_mac": "smac", "dst_mac": "dmac", "uid": "uid"}
"""Packet option <- key of a recorded packet."""

RECORDING = Path(__file__).parents[2] / "shared" / "data" / "kernel-open.jsonl.gz"

Record = dict[str, Any]
Judged = tuple[str, Judgement, set[str]]
"""Which packet, how good the answer was, and what the rules use that it hit."""


def first_packets(record: Record) -> Iterator[Record]:
    """The packets that start a connection between ends that had none yet, and whose fate the saved text decides."""
    flows, connections = set(), set()
    for packet in record["packets"]:
        first = packet["flow"] not in flows and connection(packet["f"]) not in connections
        flows.add(packet["flow"])
        connections |= {connection(packet["f"]), connection(packet.get("out", packet)["f"])}
        if first and not packet.keys() & {"skip", "twin"}:
            yield judgeable(packet)


def connection(fields: Record) -> tuple[Any, ...]:
    """The same for both directions of a connection."""
    ends = frozenset((fields[address], fields.get(port)) for address, port in (("src", "sport"), ("dst", "dport")))
    return fields["proto"], fields.get("icmpid"), ends


def judgeable(packet: Record) -> Record:
    """A packet without what the kernel leaves to chance, and without errors that no rule asked for."""
    seen = packet.get("out")
    if seen:
        fields = {name: value for name, value in seen["f"].items() if name not in packet.get("rand", ())}
        packet = packet | {"out": seen | {"f": fields}}
    return packet if isinstance(packet.get("by"), list) else packet | {"gen": []}


def all_packets(record: Record) -> Iterator[tuple[Record, bool]]:
    """Every packet, and whether the saved text decides its fate."""
    for packet in record["packets"]:
        counts = not packet.keys() & {"skip", "twin"}
        yield judgeable(packet) if counts else packet, counts


def judge_ruleset(record: Record, first: bool) -> list[Judged]:
    """Load a node once and ask about its packets."""
    with tempfile.TemporaryDirectory(prefix="ruleparse-") as name:
        write_node(Path(name), record)
        node = ruleparse.load(name)
    program = node.snapshot.program(record["family"])
    why = node.why if first else node.session().why
    packets = ((packet, True) for packet in first_packets(record)) if first else all_packets(record)
    asked = [(packet, ask(why, packet), counts) for packet, counts in packets]
    return [
        (f"{record['id']} packet {packet['n']}", judge_answer(answer, packet), used_by(program, packet))
        for packet, answer, counts in asked
        if counts
    ]


def ask(why: Callable[..., Answer], packet: Record) -> WhyJson | Exception:
    try:
        return why_json(why(**{option: packet[key] for option, key in QUESTION.items() if key in packet}))
    except Exception as error:
        return error


def judge_answer(answer: WhyJson | Exception, packet: Record) -> Judgement:
    if isinstance(answer, Exception):
        return Judgement(SILENT, type(answer).__name__, str(answer))
    if "hits" not in packet:  # they could not be told from those of an error about the packet
        return judge(packet | {"hits": []}, {"outcomes": [{**outcome, "steps": []} for outcome in answer["outcomes"]]})
    return judge(packet, dict(answer))


def used_by(program: NetfilterProgram, packet: Record) -> set[str]:
    """Matches, targets and kinds of jump of the rules that a packet hit."""
    hits = [
        (f"{table} {chain}", number) for table, chain, number, _ in packet.get("hits") or packet.get("hits_all", ())
    ]
    rules = [rule for name, number in hits if number for rule in program[name].rules if rule.number == number]
    syntaxes = filter(None, map(program.syntax, rules))
    return {name for syntax in syntaxes for option in syntax.options if (name := extension(option))}


def extension(option: Option) -> str | None:
    """What an option asks for by name: a match, a target, or another chain."""
    if option.name in ("-m", "--match"):
        return option.words[0]
    if option.name in ("-j", "--jump"):
        return option.words[0] if target(option.words[0]) else "jump"
    return "goto" if option.name in ("-g", "--goto") else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, nargs="?", default=RECORDING, metavar="RECORDING.jsonl.gz")
    parser.add_argument("--wrong", action="store_true", help="name every packet that was answered wrong")
    parser.add_argument("--first", action="store_true", help="only the first packet of each connection, by itself")
    options = parser.parse_args()
    path = options.recording
    if not path.is_file():
        print(f"skipped: there is no recording {path}")
        return
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    tally = Tally()
    with ProcessPoolExecutor(2) as pool:
        for judged in pool.map(judge_ruleset, records, [options.first] * len(records)):
            for packet, judgement, used in judged:
                if options.wrong and judgement.what:
                    print(f"{packet}: {judgement.why}")
                tally.total[judgement.kind] += 1
                for name in used:
                    tally.by_extension[name][judgement.kind] += 1
    print(f"{path.name}: {len(records)} rulesets, {tally.judged} packets\n\n{tally.table()}")


if __name__ == "__main__":
    main()
