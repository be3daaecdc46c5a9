"""A private Open vSwitch without any real network: its own ovsdb-server and ovs-vswitchd, bridges of dummy ports."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = ("ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-ofctl", "ovs-vsctl")
SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
PROTOCOLS = "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15"
BATCH = 16
PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """A tool or the switch did not take what we gave it."""


class Died(Exception):
    """The switch is gone, or does not answer any more."""


def missing() -> str:
    """What keeps a switch from running here, empty if nothing does."""
    absent = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if absent:
        return f"no {', '.join(absent)} here (apt-get install openvswitch-switch)"
    return "" if SCHEMA.exists() else f"no {SCHEMA}"


def _path() -> str:
    return os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/sbin"


class Control:
    """What ovs-appctl speaks, over a connection that stays: JSON-RPC 1.0 objects back to back."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.received = ""

    def ask_all(self, requests: Iterable[Sequence[str]]) -> Iterator[str | Refused]:
        """The answer to each request, in order; a few are under way at a time, so that neither side blocks."""
        waiting = list(requests)
        for first in range(0, len(waiting), BATCH):
            batch = waiting[first : first + BATCH]
            rows = ({"id": 0, "method": method, "params": params} for method, *params in batch)
            self.socket.sendall("".join(map(json.dumps, rows)).encode())
            for _ in batch:
                answer = self._next()
                yield Refused(answer["error"]) if answer["error"] is not None else answer["result"]

    def close(self) -> None:
        self.socket.close()

    def _next(self) -> dict[str, Any]:
        while True:
            try:
                answer, end = json.JSONDecoder().raw_decode(self.received)
            except ValueError:
                self._receive()
            else:
                self.received = self.received[end:].lstrip()
                return dict(answer)

    def _receive(self) -> None:
        try:
            data = self.socket.recv(1 << 20)
        except OSError as error:
            raise Died(f"no answer from ovs-vswitchd: {error}") from error
        if not data:
            raise Died("ovs-vswitchd closed its control socket")
        self.received += data.decode("utf-8", "replace")


@dataclass(frozen=True)
class Switch:
    folder: Path
    control: Control

    def real_bridge(self, name: str, ports: Mapping[str, int], kinds: Mapping[str, str], address: str) -> None:
        """A bridge of interfaces that exist, or that are made as their `kinds` say: `internal`, `geneve`."""
        commands = ["--", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail-mode=secure"]
        commands += [f"other-config:hwaddr={address}", f"protocols=[{PROTOCOLS}]"]
        for port, number in ports.items():
            kind = kinds.get(port)
            options = ["options:key=flow", "options:remote_ip=flow"] if kind == "geneve" else []
            interface = ["interface", port, f"ofport_request={number}", *([f"type={kind}"] if kind else []), *options]
            commands += ["--", "add-port", name, port, "--", "set", *interface]
        self.vsctl(*commands)

    def bridge(self, name: str, ports: Mapping[str, int], tables: Mapping[int, str] | None = None) -> None:
        """A bridge that forwards nothing by itself; its tables carry names where there are any."""
        commands = ["--", "add-br", name]
        commands += ["--", "set", "bridge", name, "datapath_type=dummy", "fail-mode=secure", f"protocols=[{PROTOCOLS}]"]
        for port, number in ports.items():
            interface = ["interface", port, "type=dummy", f"ofport_request={number}"]
            commands += ["--", "add-port", name, port, "--", "set", *interface]
        for number, table in (tables or {}).items():
            commands += ["--", f"--id=@t{number}", "create", "Flow_Table", f"name={table}"]
            commands += ["--", "add", "bridge", name, "flow_tables", f"{number}=@t{number}"]
        self.vsctl(*commands)

    def delete(self, bridge: str) -> None:
        self.vsctl("--", "del-br", bridge)

    def vsctl(self, *arguments: str) -> str:
        return _run(self.folder, "ovs-vsctl", f"--db=unix:{self.folder}/db", *arguments)

    def ofctl(self, *arguments: str, text: str = "") -> str:
        return _run(self.folder, "ovs-ofctl", *arguments, text=text)

    def ask(self, *request: str) -> str:
        (answer,) = self.control.ask_all([request])
        if isinstance(answer, Refused):
            raise answer
        return answer


@contextmanager
def switch(timeout: float = 60, inside: str = "") -> Iterator[Switch]:
    """A switch of our own, gone when done. `timeout`: after so many seconds without an answer it counts as dead.

    Its ports are dummies, but for one `inside` a network namespace: that has the interfaces that are there.
    """
    with tempfile.TemporaryDirectory(prefix="rp_ovs_") as name:
        folder = Path(name)
        _run(folder, "ovsdb-tool", "create", str(folder / "conf.db"), str(SCHEMA))
        with _daemon(folder, "ovsdb-server", f"--remote=punix:{folder}/db", str(folder / "conf.db")) as database:
            _wait_for(folder / "db", database)
            _run(folder, "ovs-vsctl", f"--db=unix:{folder}/db", "--no-wait", "init")
            options = (*([] if inside else ["--enable-dummy=override"]), "--disable-system", f"unix:{folder}/db")
            with _daemon(folder, "ovs-vswitchd", *options, inside=inside) as vswitchd:
                _wait_for(folder / "ovs-vswitchd.ctl", vswitchd)
                with closing(Control(folder / "ovs-vswitchd.ctl", timeout)) as control:
                    yield Switch(folder, control)


@contextmanager
def _daemon(folder: Path, program: str, *arguments: str, inside: str = "") -> Iterator[subprocess.Popen[bytes]]:
    entering = ("ip", "netns", "exec", inside) if inside else ()
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(
            (*entering, program, f"--unixctl={folder}/{program}.ctl", "-vconsole:warn", *arguments),
            env=_environment(folder),
            cwd=folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens there: a socket is in its place a moment earlier."""
    while not _listens(path):
        if process.poll() is not None:
            raise Died(f"{process.args!r} ended with {process.returncode}")
        time.sleep(0.01)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        return one.connect_ex(str(path)) == 0


def _environment(folder: Path) -> dict[str, str]:
    places = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
    return {**os.environ, **dict.fromkeys(places, str(folder)), "OVS_SYSLOG_METHOD": "null", "PATH": _path()}


def _run(folder: Path, *command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=_environment(folder), cwd=folder)
    if done.returncode:
        raise Refused(f"{' '.join(command)[:200]}: {done.stderr.strip()}")
    return done.stdout
