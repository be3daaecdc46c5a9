from __future__ import annotations

import re

from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import TEXT

UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def _parse(text: str) -> int:
    """Microseconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|ms|us)", text)
    if found is None:
        raise ValueError(f"{text!r} is not a time such as 250ms")
    return round(float(found[1]) * UNITS[found[2]])


def _show(time: int) -> str:
    unit = next(u for u in UNITS if time >= UNITS[u] or u == "us")
    return f"{time}us" if unit == "us" else f"{time / UNITS[unit]:.1f}{unit}"


TIME = Codec("number s|ms|us", _parse, _show)

TARGET = Target(
    "RATEEST",
    "Measures how much comes by, for -m rateest, and goes on (iptables-extensions(8); net/netfilter/xt_RATEEST.c).",
    inert,
    (
        Option(("--rateest-name",), TEXT),
        Option(("--rateest-interval",), TIME),
        Option(("--rateest-ewmalog",), TIME),
    ),
    state="inert",
)
