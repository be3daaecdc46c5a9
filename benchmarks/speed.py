"""Time and memory on big nodes, beside `iptables-legacy-restore --test` with the same file in the same run; and on a
big bridge (`bridges.py`).

python -m benchmarks.speed [--runs N] [--quick]

Each run is a fresh process. Time is user and system time of the processor, memory the peak of the process. Where the
peer cannot run (it needs root, for a network namespace of its own) its column is left out.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks import bridges
from benchmarks.measure import Subject, heading, measure, row

CHECKOUT = Path(__file__).parents[1]
PEER = "iptables-legacy-restore"
ENDPOINTS = 3
SERVICES = 5_000
STEPS = (91, 910, 9_100, 91_000)
"""Numbers of services that make about a thousand to a million rules."""
PATIENT = 50_000
"""Services from which on one run has to be enough."""


@dataclass(frozen=True, slots=True)
class Node:
    """A generated node in a folder, and the questions put to it."""

    folder: Path
    services: int

    @classmethod
    def generate(cls, parent: Path, services: int) -> Node:
        folder = parent / str(services)
        size = ["--services", str(services), "--endpoints", str(ENDPOINTS)]
        command = [sys.executable, "corpora/generate.py", "--node", "big", *size, "-o", str(folder)]
        subprocess.run(command, cwd=CHECKOUT, check=True)
        return cls(folder, services)

    @property
    def rules_file(self) -> Path:
        return self.folder / "iptables-save.txt"

    @property
    def rules(self) -> int:
        with self.rules_file.open() as lines:
            return sum(line.startswith("-A") for line in lines)

    def why(self, *dumps: Path) -> list[str]:
        """Ask about a packet from a pod on another node to the cluster IP in the middle of the list."""
        service = IPv4Address("10.64.0.1") + self.services // 2
        packet = f"--in eth0 --src 10.129.0.7 --dst {service} --proto tcp --dport 80".split()
        return [str(Path(sys.executable).with_name("ruleparse")), "why", *map(str, dumps or [self.folder]), *packet]

    def lint(self) -> list[str]:
        return [str(Path(sys.executable).with_name("ruleparse")), "lint", "--exit-zero", str(self.folder)]

    def full_parse(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.full_parse", *options, str(self.folder)]

    def check(self) -> None:
        """A wrong answer is not worth measuring: it has to be one of the service's endpoints, by chance."""
        answer = subprocess.run([*self.why(), "--format", "json"], capture_output=True, check=True).stdout
        fates = [(outcome["verdict"], outcome["probability"]) for outcome in json.loads(answer)["outcomes"]]
        if len(fates) != ENDPOINTS or any(fate != ("accept", round(1 / ENDPOINTS, 6)) for fate in fates):
            raise SystemExit(f"expected one of {ENDPOINTS} endpoints, each equally likely, not {fates}")


def peer_command() -> tuple[list[str], str]:
    """How to call the peer, or nothing and the reason why not."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    tool, apart = shutil.which(PEER, path=path), shutil.which("unshare", path=path)
    if tool is None or apart is None:
        return [], f"{PEER} is not installed"
    command = [apart, "--net", tool, "--test"]
    trial = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return ([], f"{PEER} cannot run: {trial.stderr.strip()}") if trial.returncode else (command, "")


def subjects(node: Node, peer: list[str], runs: int) -> Iterator[Subject]:
    """The peer first, where there is one."""
    if peer:
        yield Subject(PEER + " --test", [*peer, str(node.rules_file)], runs if node.services < PATIENT else 1)
    yield Subject("ruleparse why", node.why(), runs)


def compare_ways(node: Node, peer: list[str], runs: int) -> None:
    """One node: what each way of reading it costs."""
    size = node.rules_file.stat().st_size / 1e6
    print(f"{node.services:,} services x {ENDPOINTS} endpoints: {node.rules:,} rules, {size:.1f} MB; {runs} runs\n")
    measured = [
        *subjects(node, peer, runs),
        Subject("ruleparse why, only iptables-save.txt", node.why(node.rules_file), runs),
        Subject("every rule parsed", node.full_parse(), runs),
        Subject("every rule parsed and lowered", node.full_parse("--lower"), runs),
    ]
    measure(*measured)
    print(heading(""))
    for subject in measured:
        print(row(subject.name, subject, measured[0] if peer else None))


def time_lint(folder: Path, sizes: tuple[int, ...], runs: int) -> None:
    """Nodes of growing size: what it costs to look for every defect."""
    print(f"\n\nruleparse lint, by number of rules\n\n{heading('')}")
    for services in (size for size in sizes if size < PATIENT):
        node = Node.generate(folder, services)
        lint = Subject("ruleparse lint", node.lint(), runs)
        measure(lint)
        print(row(f"{node.rules:>9,} rules", lint, None), flush=True)
        shutil.rmtree(node.folder)


def compare_sizes(folder: Path, sizes: tuple[int, ...], peer: list[str], runs: int) -> None:
    """Nodes of growing size: what one question costs."""
    print(f"\n\nruleparse why, by number of rules\n\n{heading('')}")
    for services in sizes:
        node = Node.generate(folder, services)
        node.check()
        *peers, why = subjects(node, peer, runs)
        measure(*peers, why)
        name = f"{node.rules:>9,} rules" + (f"   ({PEER}: {peers[0].least:.2f} s)" if peers else "")
        print(row(name, why, peers[0] if peers else None), flush=True)
        shutil.rmtree(node.folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="leave out the million rules")
    options = parser.parse_args()
    os.chdir(CHECKOUT)
    compileall.compile_dir("ruleparse", quiet=1)  # as pip does; where Python may not write, every run would
    peer, reason = peer_command()
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors")
    print(f"ratio: to {PEER} --test\n" if peer else f"ratio: left out, {reason}\n")
    with tempfile.TemporaryDirectory(prefix="ruleparse-bench-") as name:
        folder = Path(name)
        node = Node.generate(folder, SERVICES)
        node.check()
        compare_ways(node, peer, options.runs)
        compare_sizes(folder, STEPS[:-1] if options.quick else STEPS, peer, options.runs)
        time_lint(folder, STEPS, options.runs)
        print("\n")
        bridges.compare(folder, bridges.FLOWS, options.runs)


if __name__ == "__main__":
    main()
