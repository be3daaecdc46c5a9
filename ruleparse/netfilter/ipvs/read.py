"""Reads what `ipvsadm -Sn` and `ipvsadm -Ln` print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from ruleparse.codec import address, integer
from ruleparse.grammars import terminal
from ruleparse.netfilter.fields import SCTP, TCP, UDP
from ruleparse.netfilter.ipvs.model import Method, RealServer, VirtualServer, VirtualServers
from ruleparse.text import Diagnostic, Source, Span
from ruleparse.words import BadLine, Word, cut

_GRAMMAR = "ipvsadm"
_RULES = {
    "SERVICE_LINE": "service",
    "SERVER_LINE": "server",
    "LISTED_SERVICE_LINE": "listed_service",
    "LISTED_SERVER_LINE": "listed_server",
}
_PROTOCOLS = {
    "-t": TCP, "--tcp-service": TCP, "TCP": TCP, "-u": UDP, "--udp-service": UDP, "UDP": UDP,
    "--sctp-service": SCTP, "SCTP": SCTP,
}  # fmt: skip
_METHODS: Mapping[str, Method] = {
    "-m": "masq", "--masquerading": "masq", "Masq": "masq", "-g": "route", "--gatewaying": "route", "Route": "route",
    "-i": "tunnel", "--ipip": "tunnel", "Tunnel": "tunnel", "Local": "local",
}  # fmt: skip
_LARGEST = 0xFFFFFFFF


def read(sources: Iterable[Source]) -> VirtualServers:
    """Every virtual server of these texts. Never raises: what is wrong is a diagnostic."""
    result = VirtualServers()
    for source in sources:
        _Reader(source, result).read()
    return result


@cache
def _lines() -> re.Pattern[str]:
    kinds = ("COMMENT_LINE", "HEADING_LINE", *_RULES)
    return re.compile("|".join([*(f"(?P<{k}>{terminal(_GRAMMAR, k)})" for k in kinds), r"(?P<BAD_LINE>[^\n]+)"]))


class _Reader:
    def __init__(self, source: Source, result: VirtualServers) -> None:
        self.source = source
        self.result = result
        self.places: dict[str, int] = {}
        """of each service among those that were read"""

    def read(self) -> None:
        for found in _lines().finditer(self.source.text):
            kind, span = found.lastgroup or "", self.span(found)
            try:
                if kind in _RULES:
                    self.entry(kind, cut(_GRAMMAR, _RULES[kind], found[0].rstrip()), span)
                elif kind == "BAD_LINE" and found[0].strip():
                    raise ValueError("this line is not one of `ipvsadm -Sn` or `ipvsadm -Ln`")
            except BadLine as bad:
                self.error("this is not how the line goes on", Span(self.source, found.start() + bad.start, span.end))
            except ValueError as error:
                self.error(str(error), span)

    def span(self, found: re.Match[str]) -> Span:
        return Span(self.source, found.start(), found.start() + len(found[0].rstrip()))

    def error(self, message: str, span: Span) -> None:
        self.result.diagnostics.append(Diagnostic("syntax", "error", message, span))

    def entry(self, kind: str, words: list[Word], span: Span) -> None:
        match kind:
            case "SERVICE_LINE":
                self.service(_service(words, span))
            case "LISTED_SERVICE_LINE":
                self.service(_listed_service(words, span))
            case "SERVER_LINE":
                self.real_server(_service(words, span), _server(words, span))
            case "LISTED_SERVER_LINE":
                if not self.places:
                    raise ValueError("this server belongs to a service, and none stands above it")
                self.real_server(self.result.servers[-1], _listed_server(words, span))

    def service(self, service: VirtualServer) -> None:
        self.places[str(service)] = len(self.result.servers)
        self.result.servers.append(service)

    def real_server(self, service: VirtualServer, server: RealServer) -> None:
        place = self.places.get(str(service))
        if place is None:
            raise ValueError(f"the service {service} was not declared")
        known = self.result.servers[place]
        self.result.servers[place] = replace(known, servers=(*known.servers, server))


def _service(words: list[Word], span: Span) -> VirtualServer:
    _, kind, value, *rest = words
    options = dict(_options(rest))
    scheduler = options.get("-s", options.get("--scheduler", "wlc"))
    persistent = not options.keys().isdisjoint({"-p", "--persistent"})
    if kind.text in _PROTOCOLS:
        family, host, port = _end(value.text)
        return VirtualServer(family, _PROTOCOLS[kind.text], host, port, scheduler, span, 0, persistent)
    family = 6 if "-6" in options or "--ipv6" in options else 4
    return VirtualServer(family, 0, 0, 0, scheduler, span, integer(value.text, 1, _LARGEST), persistent)


def _listed_service(words: list[Word], span: Span) -> VirtualServer:
    kind, value, *rest = words
    texts = [word.text for word in rest]
    family = 6 if "IPv6" in texts else 4
    named = [text for text in texts if text != "IPv6"]
    scheduler, persistent = named[0] if named else "wlc", "persistent" in named
    if kind.text in _PROTOCOLS:
        family, host, port = _end(value.text)
        return VirtualServer(family, _PROTOCOLS[kind.text], host, port, scheduler, span, 0, persistent)
    return VirtualServer(family, 0, 0, 0, scheduler, span, integer(value.text, 1, _LARGEST), persistent)


def _server(words: list[Word], span: Span) -> RealServer:
    options = dict(_options(words[3:]))
    end = options.get("-r", options.get("--real-server"))
    if end is None:
        raise ValueError("this server has no address (-r)")
    method: Method = next((_METHODS[option] for option in options if option in _METHODS), "route")
    weight = integer(options.get("-w", options.get("--weight", "1")), 0, _LARGEST)
    return RealServer(*_end(end), method, weight, span)


def _listed_server(words: list[Word], span: Span) -> RealServer:
    _, value, *rest = words
    if len(rest) < 2 or rest[0].text not in _METHODS:
        raise ValueError("this server has no method and weight")
    return RealServer(*_end(value.text), _METHODS[rest[0].text], integer(rest[1].text, 0, _LARGEST), span)


def _options(words: list[Word]) -> Iterator[tuple[str, str]]:
    stream = iter(words)
    for word in stream:
        yield word.text, next(stream).text if word.kind == "OPTION" else ""


def _end(text: str) -> tuple[int, int, int]:
    """Family, address and port of `10.96.0.1:443`, `[fd00::1]:443`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise ValueError(f"{text} is not an address and a port in numbers; save `ipvsadm -Sn`")
    plain = host.removeprefix("[").removesuffix("]")
    return 6 if ":" in plain else 4, address(plain), integer(port, 0, 0xFFFF)
