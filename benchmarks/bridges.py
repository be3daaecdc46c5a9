"""Time and memory on a big bridge, beside a private ovs-vswitchd that is given the same flows and asked the same
question, and beside Open vSwitch's own Python parser.

python -m benchmarks.bridges [--runs N] [--flows N]

Time is that of the processor: of ovs-vswitchd, ovsdb-server and the tools that load the flows, or of ours. Where no
Open vSwitch is installed, or not its Python package (`pip install .[bench]`), what needs them is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Subject, heading, measure, row
from corpora.catalogue.big_bridge import big_bridge
from corpora.vswitchd import Switch, missing, switch

FLOWS = 100_000
BRIDGE, PROTOCOL = "br-int", "OpenFlow15"
QUESTION = (
    "in_port=4,tcp,dl_src=02:50:d0:00:00:04,dl_dst=02:50:d0:00:00:05,nw_src=10.244.1.11,nw_dst=10.244.1.12,"
    "nw_ttl=64,tcp_src=40000,tcp_dst=8002"
)
"""A pod asks another that some policies isolate; none of them allows it: the longest table is looked through."""
DECIDES = "IngressDefaultRule"


@dataclass(slots=True)
class Live(Subject):
    """The question put to a switch of our own: start it, give it the flows, trace."""

    folder: Path = Path()

    def run(self) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with switch() as ovs:
            give(ovs, self.folder)
            answer = ovs.ask("ofproto/trace", BRIDGE, QUESTION)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if not answer.rstrip().endswith("Datapath actions: drop"):
            raise SystemExit(f"expected that the switch drops the packet, not {answer[-200:]}")
        self.seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        self.memory = self.memory or [after.ru_maxrss / 1024]  # that of all children: later ones are not its own


def give(ovs: Switch, folder: Path) -> None:
    """Load what `write` wrote, groups first, as flows refer to them."""
    ovs.bridge(BRIDGE, json.loads((folder / "ports.json").read_text()))
    ovs.ofctl("-O", PROTOCOL, "add-groups", BRIDGE, str(folder / "groups"))
    ovs.ofctl("-O", PROTOCOL, "--bundle", "add-flows", BRIDGE, str(folder / "flows"))


def write(flows: int, given: Path, saved: Path) -> None:
    """A bridge as ovs-ofctl takes it, and as it prints it; without one, as it takes it."""
    bridge = big_bridge(flows)
    (given / "flows").write_text("\n".join(map(str, bridge.flows)) + "\n")
    (given / "groups").write_text("\n".join(map(str, bridge.groups)) + "\n")
    (given / "ports.json").write_text(json.dumps(bridge.ports))
    if missing():
        for name in ("flows", "groups"):
            (saved / f"{name}.txt").write_text((given / name).read_text())
        return
    with switch() as ovs:
        give(ovs, given)
        for what, name in (("dump-flows", "flows"), ("dump-groups", "groups"), ("show", "ports")):
            (saved / f"{name}.txt").write_text(ovs.ofctl("-O", PROTOCOL, "--no-names", what, BRIDGE))


def why(folder: Path, *options: str) -> list[str]:
    ruleparse = str(Path(sys.executable).with_name("ruleparse"))
    return [ruleparse, "why", str(folder), "--bridge", BRIDGE, "--flow", QUESTION, *options]


def check(folder: Path) -> None:
    """A wrong answer is not worth measuring."""
    answer = subprocess.run(why(folder, "--format", "json"), capture_output=True, check=True).stdout
    (outcome,) = json.loads(answer)["outcomes"]
    if outcome["verdict"] != "drop" or DECIDES not in " ".join(outcome["explanation"]):
        raise SystemExit(f"expected that {DECIDES} drops the packet, not {outcome}")


def parse(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.flow_parse", *options, str(folder / "flows.txt")]


def compare(folder: Path, flows: int, runs: int) -> None:
    """One bridge: what a question and a full parse cost."""
    given, saved = folder / "given", folder / "saved"
    given.mkdir()
    saved.mkdir()
    command = [sys.executable, "-m", "benchmarks.bridges", "--flows", str(flows), "--write", str(given), str(saved)]
    subprocess.run(command, check=True)  # a process of its own: children are said to need what their parent does
    check(saved)
    with (saved / "flows.txt").open() as lines:
        count = sum("actions=" in line for line in lines)
    size = (saved / "flows.txt").stat().st_size / 1e6
    print(f"a bridge of Antrea: {count:,} flows, {size:.1f} MB; {runs} runs\n\n{heading('')}")
    print_rows(list(questions(given, saved, runs)), missing())
    print()
    has_parser = importlib.util.find_spec("ovs") is not None
    print_rows(list(parses(saved, runs, has_parser)), "" if has_parser else "the package ovs is not installed")


def questions(given: Path, saved: Path, runs: int) -> list[Subject]:
    live = [] if missing() else [Live("a private ovs-vswitchd: start, load a bundle, trace", [], runs, folder=given)]
    return [*live, Subject("ruleparse why --bridge --flow", why(saved), runs)]


def parses(folder: Path, runs: int, has_parser: bool) -> list[Subject]:
    peer = [Subject("ovs.flow.ofp.OFPFlow, every flow", parse(folder, "--official"), min(runs, 2))] * has_parser
    return [
        *peer,
        Subject("every flow parsed", parse(folder), runs),
        Subject("every flow parsed, every value read", parse(folder, "--values"), runs),
        Subject("every flow parsed, every value read, and indexed", parse(folder, "--indexed"), runs),
    ]


def print_rows(subjects: list[Subject], reason: str) -> None:
    """The peer first; without one, the reason why there is none."""
    measure(*subjects)
    if reason:
        print(f"the peer is left out: {reason}")
    for subject in subjects:
        print(row(subject.name, subject, None if reason else subjects[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (%(default)s)")
    parser.add_argument("--flows", type=int, default=FLOWS, help="about so many (%(default)s)")
    parser.add_argument("--write", nargs=2, type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.flows, *options.write)
        return
    with tempfile.TemporaryDirectory(prefix="ruleparse-bench-") as name:
        compare(Path(name), options.flows, options.runs)


if __name__ == "__main__":
    main()
