"""Load every rules file of the corpora into a kernel and compare what it prints with the file.

    python corpora/verify.py            load, save again, compare; needs root
    python corpora/verify.py FOLDER...  only these
    python corpora/verify.py --save     rebuild kernel-saved/ from its input, and what switches print

Each file is loaded with the tools of the backend its header names, in a network
namespace of its own. The text must come back byte for byte; the comment lines may
differ, and the order of tables, which is the order in which a kernel first saw them.
The flows of the Antrea nodes are loaded into a private Open vSwitch, whose dumps must be the committed ones.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from corpora.kernel_saved import save_kernel_dumps
from corpora.namespace import Namespace, Refused, namespace
from corpora.switch_saved import save_bridges, saved_bridges
from corpora.vswitchd import missing
from corpora.whole_saved import save_whole

ROOT = Path(__file__).resolve().parent
RULE_FILES = {"iptables-save.txt": "iptables", "ip6tables-save.txt": "ip6tables"}


@dataclass(frozen=True)
class RulesFile:
    path: Path
    text: str

    @property
    def backend(self) -> str:
        return "nft" if "(nf_tables)" in self.text else "legacy"

    @property
    def tool(self) -> str:
        return f"{RULE_FILES[self.path.name]}-{self.backend}"

    @property
    def keeps_counters(self) -> bool:
        """ip6tables-nft-restore 1.8.9 forgets the counters of rules."""
        return "\n[" in self.text and self.tool != "ip6tables-nft"

    @property
    def accounts(self) -> list[str]:
        return sorted(set(re.findall(r"--nfacct-name +(\S+)", self.text)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders to verify, all of the corpora if none")
    parser.add_argument("--save", action="store_true", help="rebuild what kernels and switches print")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("verify.py: needs root, it loads rules into network namespaces of its own", file=sys.stderr)
        return 2
    if options.save:
        save_kernel_dumps(ROOT / "kernel-saved")
        save_bridges(ROOT)
        save_whole(ROOT)
        return 0
    folders = options.folders or [ROOT]
    return max(_verify(folders), _verify_bridges(folders))


def _verify(folders: list[Path]) -> int:
    paths = sorted(path for folder in folders for path in folder.rglob("*-save.txt") if path.name in RULE_FILES)
    failures = 0
    for path in paths:
        complaint = _complaint(RulesFile(path, path.read_text(encoding="utf-8")))
        failures += bool(complaint)
        print(f"{'FAIL' if complaint else 'ok  '} {path}{complaint}")
    print(f"{len(paths) - failures} of {len(paths)} files come back as they are")
    return 1 if failures else 0


def _verify_bridges(folders: list[Path]) -> int:
    if lacking := missing():
        print(f"dumps of bridges are not verified: {lacking}", file=sys.stderr)
        return 2
    wanted = [(ROOT / name, files) for name, files in saved_bridges().items()]
    chosen = [row for row in wanted if any(row[0].is_relative_to(folder.resolve()) for folder in folders)]
    failures = 0
    for folder, files in chosen:
        for name, text in files.items():
            same = (folder / name).exists() and (folder / name).read_text(encoding="utf-8") == text
            failures += not same
            print(f"{'ok  ' if same else 'FAIL'} {folder / name}")
    return 1 if failures else 0


def _complaint(rules: RulesFile) -> str:
    try:
        with namespace("verify") as kernel:
            sets = _sets_that_changed(kernel, rules.path.with_name("ipset-save.txt"))
            saved = _loaded_and_saved(kernel, rules)
    except Refused as refused:
        return f"\n  {refused}"
    wanted, found = _tables(rules.text, rules.keeps_counters), _tables(saved, rules.keeps_counters)
    lines = [f"\n  {table}: {line}" for table in wanted for line in _difference(wanted[table], found.get(table, []))]
    return "".join(sets + lines[:5])


def _sets_that_changed(kernel: Namespace, path: Path) -> list[str]:
    """Members come back in the order of the kernel's hash."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    kernel.run("ipset", "restore", text=text)
    written, saved = set(text.splitlines()), set(kernel.run("ipset", "save").splitlines())
    return [f"\n  ipset: {line}" for line in sorted(written ^ saved)]


def _loaded_and_saved(kernel: Namespace, rules: RulesFile) -> str:
    if rules.accounts:
        kernel.run(sys.executable, str(ROOT / "nfacct.py"), *rules.accounts)
    counters = ["-c"] if rules.keeps_counters else []
    kernel.run(f"{rules.tool}-restore", "--test", text=rules.text)
    kernel.run(f"{rules.tool}-restore", *counters, text=rules.text)
    return kernel.run(f"{rules.tool}-save", *counters)


def _tables(text: str, counters: bool) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            lines = tables[line] = []
        elif line and not line.startswith("#"):
            lines.append(line if counters else _without_counters(line))
    return tables


def _without_counters(line: str) -> str:
    return re.sub(r"^\[\d+:\d+\] | \[\d+:\d+\]$", "", line)


def _difference(wanted: list[str], found: list[str]) -> list[str]:
    if wanted == found:
        return []
    missing = [f"written {line}" for line in wanted if line not in set(found)]
    added = [f"saved   {line}" for line in found if line not in set(wanted)]
    return (missing + added) or ["same lines in another order"]


if __name__ == "__main__":
    sys.exit(main())
