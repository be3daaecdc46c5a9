"""Felix's rules: it hashes them in its own wording, the kernel prints them in another."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..rule import comment
from ..save import Table

PROTOCOL_NAMES = {"4": "ipencap", "6": "tcp", "17": "udp", "58": "ipv6-icmp"}
HASH_LENGTH = 16
_UNSAFE_IN_COMMENT = re.compile(r"[^\w @%+=:,./-]")
_RESPELLINGS = (
    ("--in-interface ", "-i "),
    ("--out-interface ", "-o "),
    ("--source ", "-s "),
    ("--destination ", "-d "),
    ("--source-ports ", "--sports "),
    ("--destination-ports ", "--dports "),
    ("--invert --validmark", "--validmark --invert"),
    ("--mark 0/", "--mark 0x0/"),
    ("--set-mark 0/", "--set-xmark 0x0/"),
    ("--set-mark ", "--set-xmark "),
    ("--jump ", "-j "),
    ("--goto ", "-g "),
)


@dataclass(frozen=True)
class Rule:
    """One rule: matches and action as Felix words them, and what it says of the rule."""

    matches: tuple[str, ...] = ()
    action: str = ""
    comments: tuple[str, ...] = ()

    def wording(self, chain: str) -> str:
        comments = [f'-m comment --comment "{text}"' for text in self.safe_comments()]
        return " ".join(filter(None, ["-A", chain, "HASH", *comments, *self.matches, self.action]))

    def safe_comments(self) -> list[str]:
        return [_UNSAFE_IN_COMMENT.sub("_", text)[:256] for text in self.comments]

    def saved(self, hash_text: str) -> list[str]:
        comments = [comment(text) for text in (f"cali:{hash_text}", *self.safe_comments())]
        return [*comments, *map(respelled, self.matches), respelled(self.action)]


def respelled(part: str) -> str:
    """Felix's spelling of a match or action, in the words of iptables-save."""
    if match := re.fullmatch(r"(! )?-p (\d+)", part):
        return f"{match[1] or ''}-p {PROTOCOL_NAMES[match[2]]}"
    if part.endswith((" 0.0.0.0/0", " ::/0")):
        return ""
    if part.startswith("--dport "):
        return f"-m udp {part}"
    for theirs, saved in _RESPELLINGS:
        part = part.replace(theirs, saved)
    return part


def rule(*matches: str, do: str = "", say: str = "") -> Rule:
    return Rule(tuple(filter(None, matches)), do, (say,) if say else ())


def hashes(chain: str, rules: Iterable[Rule]) -> list[str]:
    """Each hash covers the chain's name and all rules up to its own."""
    digest = hashlib.sha224(chain.encode()).digest()
    result = []
    for each in rules:
        digest = hashlib.sha224(digest + each.wording(chain).encode()).digest()
        result.append(base64.urlsafe_b64encode(digest).decode()[:HASH_LENGTH])
    return result


def write_chain(table: Table, chain: str, rules: list[Rule]) -> None:
    table.chains[chain] = []
    for each, text in zip(rules, hashes(chain, rules), strict=True):
        table.append(chain, *each.saved(text))


def insert_jump(table: Table, chain: str) -> None:
    jump = rule(do=f"--jump cali-{chain}")
    table.prepend(chain, *jump.saved(hashes(chain, [jump])[0]))


def append_rules(table: Table, chain: str, rules: list[Rule]) -> None:
    for each, text in zip(rules, hashes(f"{chain}*appends*", rules), strict=True):
        table.append(chain, *each.saved(text))


ACCEPT, DROP, RETURN = "--jump ACCEPT", "--jump DROP", "--jump RETURN"
MASQUERADE = "--jump MASQUERADE --random-fully"
NOTRACK = "--jump NOTRACK"


def jump(chain: str) -> str:
    return f"--jump {chain}"


def goto(chain: str) -> str:
    return f"--goto {chain}"


def set_mark(bits: int) -> str:
    return f"--jump MARK --set-mark {bits:#x}/{bits:#x}"


def clear_mark(bits: int) -> str:
    return f"--jump MARK --set-mark 0/{bits:#x}"


def set_masked_mark(value: int, mask: int) -> str:
    return f"--jump MARK --set-mark {value:#x}/{mask:#x}"


def mark_set(bit: int) -> str:
    return f"-m mark --mark {bit:#x}/{bit:#x}"


def mark_clear(bits: int) -> str:
    return f"-m mark --mark 0/{bits:#x}"


def any_mark(bits: int) -> str:
    return f"-m mark ! --mark 0/{bits:#x}"


def state(names: str) -> str:
    return f"-m conntrack --ctstate {names}"


def arriving(interface: str) -> str:
    return f"--in-interface {interface}"


def leaving(interface: str) -> str:
    return f"--out-interface {interface}"


def to_ports(*ports: int) -> str:
    return f"-m multiport --destination-ports {','.join(map(str, ports))}"


def from_set(name: str) -> str:
    return f"-m set --match-set {name} src"


def to_set(name: str) -> str:
    return f"-m set --match-set {name} dst"


FROM_LOCAL = "-m addrtype --src-type LOCAL"
TO_LOCAL = "-m addrtype --dst-type LOCAL"
