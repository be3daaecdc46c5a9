"""Which table each line of a dump is about, found without looking into flows.

Lines as ovs-ofctl writes them are cut by a few calls that run in C; anything out of the ordinary - no table, a line
that people folded, a line that breaks off - is left to the careful reader.
"""

from __future__ import annotations

import re

_HEAD = r" ?(?:cookie=0x[0-9a-f]++, )?(?:duration=[0-9.]++s, )?table="
_RUN = re.compile(rf'{_HEAD}("[^"\n]*+"|[^,\s"]++), [^\n]*+\n(?>(?:{_HEAD}\1, [^\n]*+\n)*)')


def same_table(text: str, start: int) -> tuple[str, int] | None:
    """The table that the lines from `start` on are about, and where the last of them ends; None if the first is out of
    the ordinary."""
    found = _RUN.match(text, start)
    return found and (found[1].strip('"'), found.end() - 1)


def plain(lines: str) -> bool:
    """Whether each is one whole flow. Only the last may go on behind: what begins as these do, begins a flow."""
    if "\r" in lines:
        return False
    last = lines[lines.rfind("\n") + 1 :]
    if last[-1:] in " \\" or last.count("(") != last.count(")"):
        return False
    between = lines.split(" actions=")[1:-1]
    return " actions=" in last and len(between) == lines.count("\n") and all("\n" in part for part in between)
