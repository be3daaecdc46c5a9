"""The lines of what ovs-ofctl prints: headers of replies, and lines that people folded."""

from __future__ import annotations

import re

HEADER = re.compile(r"\s*(?:NXST|OFPST|NXT|OFPT)_\w+ reply(?: \((?P<version>OF[\d.]+)\))?")
TABLE = re.compile(r'(?:\A|[\s,])table(?:_id)?=("[^"\n]*"|[^,\s]+)').search


_BEGINS = re.compile(r"[ \t]*(?:cookie=0x[0-9a-f]+,|duration=[0-9.]+s,|table=[^=]*?,)")
"""How ovs-ofctl begins a flow: whatever stands before, this is none of it."""


def line_at(text: str, start: int) -> tuple[int, int]:
    """Where a line ends, and where the next begins; one that people folded, with a backslash or inside a flow, goes
    on."""
    at = start
    while True:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[start:end]
        at = end + 1
        goes_on = text[at : at + 1].isspace() and (line[-1:] in "\\ " or _unfinished(line)) and _goes_on(line)
        if not goes_on or _BEGINS.match(text, at):
            return end - (end > start and text[end - 1] == "\r"), at


def _goes_on(line: str) -> bool:
    return line.rstrip().endswith("\\") or _unfinished(line)


def _unfinished(line: str) -> bool:
    if "actions=" in line:
        return line.count("(") > line.count(")")
    return TABLE(line) is not None and "\n" not in line[-1:] and line.count("\n") < 8
