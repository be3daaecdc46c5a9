"""Why the kernel itself freed a packet, as its tracepoint skb:kfree_skb tells."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress

_TRACING = "/sys/kernel/tracing"
_SCRIPT = f"""
mount -t tracefs none {_TRACING} && mkdir {_TRACING}/instances/$1 && cd {_TRACING}/instances/$1 || exit 1
echo $2 > set_event_pid
echo 'protocol == 0x0800 || protocol == 0x86dd' > events/skb/kfree_skb/filter
echo 1 > events/skb/kfree_skb/enable
echo ready
read _
cd / && rmdir {_TRACING}/instances/$1
"""
_EVENT = re.compile(rb"location=(\w+)\S* reason: (\w+)")
_BY_A_RULE = "NETFILTER_DROP"


class DropReasons:
    """A helper in a mount namespace of its own holds a trace instance; it cleans up when its input ends.

    Where tracing is not to be had, no reasons are given.
    """

    def __init__(self, name: str) -> None:
        argv = ["unshare", "-m", "sh", "-c", _SCRIPT, "sh", name, str(os.getpid())]
        self._helper = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._pipe = -1
        assert self._helper.stdout
        if self._helper.stdout.readline() == b"ready\n":
            seen_by_helper = f"/proc/{self._helper.pid}/root{_TRACING}/instances/{name}/trace_pipe"
            self._pipe = os.open(seen_by_helper, os.O_RDONLY | os.O_NONBLOCK)

    def drain(self) -> str:
        """The reason for the last packets' end, other than a rule; '' when there is none."""
        data = b""
        with suppress(BlockingIOError):
            while self._pipe >= 0 and (part := os.read(self._pipe, 1 << 16)):
                data += part
        reasons = [(where.decode(), why.decode()) for where, why in _EVENT.findall(data)]
        return next((f"{why} in {where}" for where, why in reasons if why != _BY_A_RULE), "")

    def close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
        self._helper.communicate()
