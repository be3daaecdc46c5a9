"""What a command costs: processor time and memory of a whole process, as the kernel accounts for them."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass, field


@dataclass(slots=True)
class Subject:
    """A command to measure, and what its runs cost: seconds of user and system time, MiB of memory at its peak."""

    name: str
    command: list[str]
    runs: int
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def run(self) -> None:
        silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        pid = os.posix_spawnp(self.command[0], self.command, os.environ, file_actions=[silent])
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise ChildProcessError(f"exit status {os.waitstatus_to_exitcode(status)}: {' '.join(self.command)}")
        self.seconds.append(usage.ru_utime + usage.ru_stime)
        self.memory.append(usage.ru_maxrss / 1024)

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def peak(self) -> float:
        return max(self.memory)


def measure(*subjects: Subject) -> None:
    """Run all in turns, so that whatever else the machine does falls on all alike."""
    for turn in range(max(subject.runs for subject in subjects)):
        for subject in subjects:
            if turn < subject.runs:
                subject.run()


def heading(title: str) -> str:
    return f"{title:56}{'min':>9}{'median':>9}{'ratio':>8}{'memory':>11}{'ratio':>8}"


def row(name: str, subject: Subject, peer: Subject | None) -> str:
    """A line of a table; the ratios are those of the fastest runs, and of the peaks, to the peer's."""
    time = f"{subject.least / peer.least:.2f}" if peer else "-"
    memory = f"{subject.peak / peer.peak:.2f}" if peer else "-"
    return f"{name:56}{subject.least:>7.2f} s{subject.median:>7.2f} s{time:>8}{subject.peak:>7.0f} MiB{memory:>8}"
