"""What all packets at once cost: `query` and `diff` on generated nodes of growing size.

python -m benchmarks.whole [--services 91,910,9100] [--quick]

The two sides of a diff differ in two services, and on the node with Calico in a policy too. Each run is a fresh
process; time is that of the processor, memory the peak of all runs so far, so the small come first. Where there is no
room for an answer the command says so, and so does this table.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed import CHECKOUT, Node

PATIENCE = 600
"""Seconds after which a run is given up."""


CALICO = ("--pods", "100", "--policies", "100", "--members", "1000")
"""What the node of 5,000 services has besides: its rules and members of sets are about 180,000 lines."""


def with_calico(parent: Path) -> Node:
    folder = parent / "calico"
    command = [sys.executable, "corpora/generate.py", "--node", "big", "--services", "5000", *CALICO, "-o", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True)
    return Node(folder, 5000)


def changed(node: Node) -> Path:
    """A copy of a node in which two endpoints have other addresses, and a policy if there is one other ports."""
    folder = node.folder.with_name(f"{node.folder.name}-changed")
    shutil.copytree(node.folder, folder)
    rules = folder / "iptables-save.txt"
    text = rules.read_text()
    endpoints = re.findall(r"--to-destination ([\d.]+):8080", text)
    for index, place in enumerate((5, 20), 1):
        text = re.sub(rf"\b{re.escape(endpoints[place])}\b", f"10.139.9.{index}", text)
    rules.write_text(text.replace("--dports 8003", "--dports 8883"))
    return folder


def run(*words: str | Path) -> str:
    """Processor time and peak memory of a command, or that it gave up."""
    command = [str(Path(sys.executable).with_name("ruleparse")), *map(str, words)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE).returncode
    except subprocess.TimeoutExpired:
        return f"more than {PATIENCE} s"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = "" if status < 2 else "   out of memory"
    return f"{seconds:>7.1f} s{after.ru_maxrss / 1024:>8.0f} MiB at most so far{told}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", default="91,910,9100", help="sizes of nodes (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="leave out the node with Calico")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ruleparse-bench-") as name:
        for services in map(int, options.services.split(",")):
            report(Node.generate(Path(name), services), "")
        if not options.quick:
            report(with_calico(Path(name)), ", with Calico")


def report(node: Node, kind: str) -> None:
    title = f"{node.rules:>7,} rules{kind}"
    print(f"{title}   query, all that comes in by eth0   {run('query', node.folder, '--in', 'eth0')}", flush=True)
    print(f"{title}   diff, itself                       {run('diff', node.folder, node.folder)}", flush=True)
    print(f"{title}   diff, of a few changes             {run('diff', node.folder, changed(node))}", flush=True)


if __name__ == "__main__":
    main()
