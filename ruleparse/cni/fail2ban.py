"""fail2ban."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row


class Fail2ban(Decoder):
    """fail2ban: a chain for each jail with an address to a rule, or a set of addresses."""

    name = "fail2ban"
    title = "fail2ban"
    markers = ("f2b-*", "fail2ban-*")
    traces = "--match-set f2b-"

    chains = (Name("(f2b|fail2ban)-(?P<jail>.+)", "addresses banned by jail {jail}"),)
    rules = (
        Row("{s} is banned by jail {jail}", chain="(f2b|fail2ban)-(?P<jail>.+)", target="DROP|REJECT"),
        Row("not banned", chain="(f2b|fail2ban)-.+", target="RETURN"),
        Row("banned by jail {jail}", words="--match-set f2b-(?P<jail>[^ ]+) src", target="DROP|REJECT"),
    )
    decisions = (
        Row(
            "fail2ban banned {s}: `fail2ban-client set {jail} unbanip {s}` would let it in.",
            chain="(f2b|fail2ban)-(?P<jail>.+)",
            target="DROP|REJECT",
        ),
    )
    sets = (Name("f2b-(?P<jail>.+)", "addresses banned by jail {jail} (fail2ban)"),)
