"""MANIFEST.toml: where every file of the corpora comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .antrea_nodes import antrea_dumps
from .dump import Dump
from .openshift_nodes import VERSION, openshift_dumps

LICENCE = "Apache-2.0"
SAVED = "kernel-saved"
SWITCH_STORY = "printed by ovs-ofctl from a switch that holds our flows (verify.py --save)"
WHOLE = "antrea-whole"
WHOLE_NODE = "antrea-after with kube-proxy and the node's own network"
WHOLE_STORY = "printed by the tools from a kernel and a switch that hold our rules and flows (verify.py --save)"
SAVED_STORIES = {
    "input": "written by hand, input of verify.py --save",
    "saved": "printed by the tools from a kernel that holds the input (verify.py --save)",
}


def manifest(dumps: list[Dump], root: Path) -> str:
    rows = [*_generated(dumps), *_saved(root), *_bridges(root), *_whole(root)]
    head = "# Written by generate.py: one row per file of the corpora.\n\n"
    return head + "\n".join(rows)


def _generated(dumps: list[Dump]) -> Iterator[str]:
    for dump in dumps:
        for name, text in dump.files.items():
            made = f"generate.py: {dump.story}"
            yield _row(f"{dump.folder}/{name}", dump.producer, dump.version, made, text.encode())


def _saved(root: Path) -> Iterator[str]:
    for path in sorted((root / SAVED).rglob("*")):
        if path.is_file():
            kind = "input" if path.parent.name == "input" else "saved"
            name = path.relative_to(root).as_posix()
            yield _row(name, "iptables, ipset, iproute2", "1.8.9, 7.17, 6.1.0", SAVED_STORIES[kind], path.read_bytes())


def _bridges(root: Path) -> Iterator[str]:
    for dump in antrea_dumps():
        for path in sorted((root / dump.folder).rglob("*.txt")):
            name, made = path.relative_to(root).as_posix(), f"{SWITCH_STORY}: {dump.story}"
            yield _row(name, "Antrea, Open vSwitch", f"{dump.version}, 3.1.0", made, path.read_bytes())
    for sdn in openshift_dumps():
        for path in sorted((root / sdn.folder).rglob("*.txt")):
            name, made = path.relative_to(root).as_posix(), f"{SWITCH_STORY}: {sdn.story}"
            yield _row(name, "OpenShift SDN, Open vSwitch", f"{VERSION}, 3.1.0", made, path.read_bytes())


def _whole(root: Path) -> Iterator[str]:
    for path in sorted((root / WHOLE).glob("*.txt")):
        name, made = path.relative_to(root).as_posix(), f"{WHOLE_STORY}: {WHOLE_NODE}"
        yield _row(name, "Antrea, kube-proxy, Open vSwitch, Linux", "0.9, 1.18, 3.1.0, 6", made, path.read_bytes())


def _row(path: str, producer: str, version: str, made: str, content: bytes) -> str:
    fields = {
        "path": path,
        "producer": producer,
        "version": version,
        "made": made,
        "licence": LICENCE,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return "[[file]]\n" + "".join(f'{key} = "{value}"\n' for key, value in fields.items())
