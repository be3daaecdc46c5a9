"""Rules as iptables-save spells them.

A rule is put together from parts ("-p tcp", "-m tcp --dport 80", "-j ACCEPT") in the
order a program gives them. The kernel keeps the matches in that order but knows the
basic selectors by place, so those move to the front.
"""

from __future__ import annotations

import re

BASIC_SELECTORS = ("-s", "-d", "-i", "-o", "-p")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def rule(*parts: str) -> str:
    basic = {option: part for part in parts if (option := _basic_option(part))}
    others = [part for part in parts if part and not _basic_option(part)]
    return " ".join([basic[option] for option in BASIC_SELECTORS if option in basic] + others)


def _basic_option(part: str) -> str:
    option = part.removeprefix("! ").split(" ", 1)[0]
    return option if option in BASIC_SELECTORS else ""


def comment(text: str) -> str:
    return f"-m comment --comment {quoted(text)}"


def quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return '"' + re.sub(r"([\"\\'])", r"\\\1", text) + '"'


def port_match(protocol: str, port: int | str) -> tuple[str, str]:
    return f"-p {protocol}", f"-m {protocol} --dport {port}"


def random_share(remaining: int) -> str:
    """The match that takes one in `remaining`, as the kernel stores it: 31 bits of fraction."""
    return probability(f"{1 / remaining:.10f}")


def probability(requested: str) -> str:
    stored = round(float(requested) * 2**31)
    return f"-m statistic --mode random --probability {stored / 2**31:.11f}"
