"""What all packets at once cost: `query` and `diff` on generated nodes of growing size.

python -m benchmarks.whole [--services 100,300]

The two sides of a diff differ in one endpoint of each of two services. Each run is a fresh process; time is that of the
processor, memory the peak. Where there is no room for an answer the command says so, and so does this table.

Measured with Python 3.11 on two processors that had other work to do (kube-proxy alone, 3 endpoints a service):
query of all that comes in by eth0: 1,123 rules 1.9 s and 139 MiB, 3,323 rules 5.3 s and 316 MiB; diff of a node with
itself: 0.5 s; diff of two nodes of 1,123 rules that differ in two services: 14.5 s and 252 MiB.
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

from benchmarks.speed import Node

PATIENCE = 600
"""Seconds after which a run is given up."""


def changed(node: Node) -> Path:
    """A copy of a node in which two endpoints have other addresses."""
    folder = node.folder.with_name(f"{node.folder.name}-changed")
    shutil.copytree(node.folder, folder)
    rules = folder / "iptables-save.txt"
    text = rules.read_text()
    endpoints = re.findall(r"--to-destination ([\d.]+):8080", text)
    for index, place in enumerate((5, 20), 1):
        text = re.sub(rf"\b{re.escape(endpoints[place])}\b", f"10.139.9.{index}", text)
    rules.write_text(text)
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
    parser.add_argument("--services", default="100,300", help="sizes of nodes (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ruleparse-bench-") as name:
        for services in map(int, options.services.split(",")):
            node = Node.generate(Path(name), services)
            title = f"{node.rules:>7,} rules"
            print(f"{title}   query, every packet   {run('query', node.folder, '--in', 'eth0')}", flush=True)
            print(f"{title}   diff, itself          {run('diff', node.folder, node.folder)}", flush=True)
            print(f"{title}   diff, two services    {run('diff', node.folder, changed(node))}", flush=True)


if __name__ == "__main__":
    main()
