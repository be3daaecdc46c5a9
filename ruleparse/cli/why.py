"""ruleparse why"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

import click

from ruleparse.cli.common import (
    UNREADABLE,
    USAGE,
    destination,
    dumps,
    fail,
    output_options,
    read_node,
    show_diagnostics,
)
from ruleparse.cli.packet_files import Specs, captured, json_lines
from ruleparse.node import Node
from ruleparse.report.why_json import why_json
from ruleparse.spec import SpecError
from ruleparse.text import Diagnostic
from ruleparse.why import Answer, why

if TYPE_CHECKING:
    from ruleparse.journey import WholeAnswer
    from ruleparse.why_bridge import BridgeAnswer

_OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("--in", "IFACE", "interface it comes in by"),
    ("--out", "IFACE", "interface it leaves by, where no routes were saved"),
    ("--src", "ADDR", "source address, prefix or range"),
    ("--dst", "ADDR", "destination address, prefix or range"),
    ("--proto", "NAME|N", "tcp, udp, icmp, sctp … or a number"),
    ("--sport", "PORT", "source port(s)"),
    ("--dport", "PORT", "destination port(s)"),
    ("--icmp-type", "T[/C]", "ICMP type and code"),
    ("--tcp-flags", "LIST", "flags that are set (others are not); SYN if not given"),
    ("--ctstate", "STATE", "NEW (if not given), ESTABLISHED, RELATED, INVALID, UNTRACKED"),
    ("--mark", "N[/M]", "mark it starts with; 0 if not given"),
    ("--ttl", "N", "TTL or hop limit; 64 if not given"),
    ("--tos", "N", "TOS or traffic class"),
    ("--length", "N", "total length in octets"),
    ("--src-mac", "MAC", "source Ethernet address"),
    ("--dst-mac", "MAC", "destination Ethernet address"),
    ("--uid", "N", "owner of the sending socket, with --local"),
    ("--at", "TIME", "when it arrives, ISO 8601; UTC where no zone is named"),
    ("--family", "4|6", "IPv4 or IPv6, where the addresses do not say"),
)

PICTURES = ("dot", "mermaid")
"""Formats that draw the way of one packet."""


def packet_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that describe a packet; any left out is not known."""
    for name, metavar, text in reversed(_OPTIONS):
        command = click.option(name, metavar=metavar, help=text)(command)
    return click.option("--local", is_flag=True, help="this node sends the packet")(command)


@click.command("why")
@dumps
@packet_options
@click.option(
    "--packets",
    metavar="FILE",
    help="Many packets, one JSON object a line; keys are option names; options hold for all.",
)
@click.option("--bridge", metavar="NAME", help="Walk it through a bridge, from its flows, groups and ports.")
@click.option("--flow", metavar="FLOW", help="the packet in a bridge, exactly as ofproto/trace takes it")
@click.option(
    "--ct-next", multiple=True, metavar="STATE", help="what conntrack will find, in turn; trk,new if not given"
)
@click.option("--pcap", metavar="FILE", help="The packets of a capture, in order, with the connections they build up.")
@click.option("--reply", is_flag=True, help="Walk the answer to an accepted packet, too.")
@click.option(
    "--stateful",
    is_flag=True,
    help="Packets of --packets meet the connections, counters and lists that earlier ones left; no time passes.",
)
@output_options("text", "json", "jsonl", *PICTURES)
def command(
    dumps: tuple[str, ...],
    packets: str | None,
    pcap: str | None,
    stateful: bool,
    reply: bool,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Walk one packet through the dumps: its fate, the rule that decided, the path.

    DUMP is a file, a folder or - (standard input): iptables-save, ip6tables-save, ipset save, ip route show table all,
    ip rule, ip addr, ip -d link, sysctl -a; what each is is found from its content. Together they are one node.
    Whatever of the packet is not given is not known, and the answer says on which values it depends.

    With --bridge or --flow the packet walks flow tables: ovs-ofctl dump-flows, dump-groups and show. On a node that has
    both it crosses from one to the other; what comes in --in by a port of a bridge starts there.

    \b
    ruleparse why flows.txt groups.txt --bridge br-int --flow 'in_port=3,tcp,tcp_dst=80'
    ruleparse why node/ --in cali12ab --src 10.244.1.5 --dst 10.96.0.10 --proto udp --dport 53
    ruleparse why iptables-save.txt --src 10.244.0.0/16 --dst 10.244.1.7 --proto tcp --dport 8000-8100
    """
    node = read_node(dumps, quiet=quiet, verbose=verbose)
    known = len(node.diagnostics)
    given = {name: value for name, value in options.items() if value not in (None, False, ())}
    ask = _asker(node, reply=reply, stateful=stateful) if pcap is None else _on_the_host(node, reply=reply)
    with destination(output) as out:
        if format_ in PICTURES:
            _draw(node, ask, _the_one(packets, given), out, format_)
        elif pcap is not None:
            _capture(ask, captured(pcap, given, node), given, out, format_, verbose)
        elif packets is not None:
            _many(ask, json_lines(packets), given, out, format_)
        else:
            _one(ask, given, out, format_, verbose)
    show_diagnostics(node.diagnostics[known:], quiet=quiet, verbose=verbose)


def _the_one(packets: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """The packet of the options, or that of a file with only one."""
    return given if packets is None else {**given, **next((spec for _, spec in _only_one(json_lines(packets))), {})}


def _draw(node: Node, ask: Ask, spec: dict[str, Any], out: TextIO, format_: str) -> None:
    from ruleparse.drawing.walked import walked
    from ruleparse.report.picture import FORMATS

    out.write(FORMATS[format_](walked(node.snapshot, _answer(ask, spec, ""))))


AnyAnswer: TypeAlias = "Answer | BridgeAnswer | WholeAnswer"
Ask = Callable[[dict[str, Any]], AnyAnswer]


def _asker(node: Node, *, reply: bool, stateful: bool) -> Ask:
    """How packets are asked about: each by itself, with its answer, or one after another."""
    if not reply and not stateful:
        return lambda spec: _ask(node, spec)
    if _is_whole(node):
        from ruleparse.sessions.journey import JourneySession, why_there_and_back

        if not stateful:
            return lambda spec: why_there_and_back(node.snapshot, spec)
        whole = JourneySession(node.snapshot)
        return lambda spec: whole.why(spec, reply=reply)
    if not stateful:
        from ruleparse.sessions.host import why_and_back

        return lambda spec: why_and_back(node.snapshot, spec)
    rules, bridges = _on_the_host(node, reply=reply), _in_bridges(node)
    return lambda spec: bridges(spec) if _in_a_bridge(spec) else rules(spec)


def _on_the_host(node: Node, *, reply: bool) -> Ask:
    from ruleparse.sessions.host import Session

    session = Session(node.snapshot)
    return lambda spec: session.why(spec, reply=reply)


def _in_bridges(node: Node) -> Ask:
    from ruleparse.sessions.bridge import BridgeSession

    return BridgeSession(node.snapshot).why


def _in_a_bridge(spec: dict[str, Any]) -> bool:
    return bool({"bridge", "flow"} & spec.keys())


def _is_whole(node: Node) -> bool:
    if node.snapshot.bridges is None:
        return False
    from ruleparse.journey import is_whole

    return is_whole(node.snapshot)


def _ask(node: Node, spec: dict[str, Any]) -> AnyAnswer:
    if node.snapshot.bridges is None and not _in_a_bridge(spec):
        return why(node.snapshot, spec)
    from ruleparse.journey import why_node

    return why_node(node.snapshot, spec)


def _one(ask: Ask, spec: dict[str, Any], out: TextIO, format_: str, verbose: bool) -> None:
    _write(_answer(ask, spec, ""), out, format_, verbose)


def _answer(ask: Ask, spec: dict[str, Any], place: str) -> AnyAnswer:
    """An answer, or the end: `place` is where the packet stands."""
    where = f"{place}: " if place else ""
    try:
        return ask(spec)
    except SpecError as error:
        fail(f"{where}{error}", USAGE)
    except MemoryError:
        fail(f"{where}{_too_much(spec)}", UNREADABLE)


def _too_much(spec: dict[str, Any]) -> str:
    """What to say where there is no room for an answer."""
    missing = [f"--{name}" for name in ("in", "src", "dst", "proto", "sport", "dport") if spec.get(name) is None]
    words = f"; there are fewer if you say {', '.join(missing)}" if missing else ""
    return f"out of memory: this packet has too many fates to tell apart{words}"


def _write(answer: AnyAnswer, out: TextIO, format_: str, verbose: bool) -> None:
    if not isinstance(answer, Answer):
        _write_bridge(answer, out, format_, verbose)
    elif format_ == "text":
        from ruleparse.report.why_text import write_why

        write_why(answer, out, verbose=verbose)
    else:
        _dump(why_json(answer), out, format_)


def _write_bridge(answer: BridgeAnswer | WholeAnswer, out: TextIO, format_: str, verbose: bool) -> None:
    from ruleparse.journey import WholeAnswer

    if isinstance(answer, WholeAnswer):
        from ruleparse.report.whole_json import whole_json
        from ruleparse.report.whole_text import write_whole

        if format_ == "text":
            write_whole(answer, out, verbose=verbose)
        else:
            _dump(whole_json(answer), out, format_)
    elif format_ == "text":
        from ruleparse.report.bridge_text import write_bridge

        write_bridge(answer, out, verbose=verbose)
    else:
        from ruleparse.report.bridge_json import bridge_json

        _dump(bridge_json(answer), out, format_)


def _dump(answer: Mapping[str, Any], out: TextIO, format_: str) -> None:
    json.dump(answer, out, indent=2 if format_ == "json" else None)
    out.write("\n")


def _many(ask: Ask, specs: Specs, given: dict[str, Any], out: TextIO, format_: str) -> None:
    said: set[Diagnostic] = set()
    for place, spec in _only_one(specs) if format_ == "json" else specs:
        answer = _answer(ask, {**given, **spec}, place)
        _write(replace(answer, diagnostics=[d for d in answer.diagnostics if d not in said]), out, format_, False)
        said.update(answer.diagnostics)


def _only_one(specs: Specs) -> Iterator[tuple[str, dict[str, Any]]]:
    """A JSON document is about one packet."""
    first = list(islice(specs, 2))
    if len(first) > 1:
        fail(f"{first[1][0]}: there are several packets: --format jsonl answers with one line each", USAGE)
    return iter(first)


def _capture(ask: Ask, specs: Specs, given: dict[str, Any], out: TextIO, format_: str, verbose: bool) -> None:
    """As text: a line for each packet, then in full the first that is not accepted (with --verbose all of them)."""
    if format_ != "text":
        _many(ask, specs, given, out, format_)
        return
    from ruleparse.report.why_text import in_one_line

    told = False
    for place, spec in specs:
        answer = _answer(ask, {**given, **spec}, place)
        assert isinstance(answer, Answer)
        out.write(f"{answer.id:>6}  {in_one_line(answer)}\n")
        if verbose or (not told and any(o.verdict != "accept" for o in answer.outcomes)):
            told = True
            _write(answer, out, format_, verbose)
