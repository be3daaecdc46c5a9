"""The way of a packet through IPVS, as tables of rules.

IPVS stands behind the filter of INPUT, and for packets of the node itself behind nat OUTPUT. What it sends to another
node leaves through OUTPUT and POSTROUTING, and never meets FORWARD. Which server a scheduler takes next is in no dump:
for `rr` and `wrr` it is a choice by weight, for others a question.

Sources: net/netfilter/ipvs/ip_vs_core.c (ip_vs_ops, ip_vs_in_hook, ip_vs_leave), ip_vs_xmit.c (ip_vs_nat_xmit,
ip_vs_dr_xmit, __ip_vs_get_out_rt), ip_vs_nfct.c (ip_vs_update_conntrack), ip_vs_ctl.c (ip_vs_service_find),
ip_vs_sh.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ruleparse.bits import Bool, any_of
from ruleparse.codec import Codec
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.fields import DST_NAT, ESTABLISHED, LOCAL, NEW, RELATED, SCTP, TCP, UDP, UNTRACKED
from ruleparse.netfilter.ipset import IpSet, contains
from ruleparse.netfilter.ipvs.model import RealServer, VirtualServer
from ruleparse.netfilter.settings import is_on
from ruleparse.netfilter.unsettled import ask_each_time
from ruleparse.netfilter.values import any_of_bits, differs
from ruleparse.packet import Assumption, Packet, assumption, presumption
from ruleparse.program import Action, Call, Copy, Goto, Key, Masked, Note, Return, Rule, Set, Stop, Table, Test, World

IPVS, REPLIES = "ipvs", "ipvs replies"
GROUP = "ipvs"
_SEND, _SEND_AS_IS, _REMEMBER = "ipvs OUTPUT", "ipvs as it is", "ipvs remember"
_SYN, _RST = 2, 4
_TRACKED = NEW | ESTABLISHED | RELATED
_UNREACHABLE = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}
_PROTOCOLS = (TCP, UDP, SCTP)
_KEPT = "ipvsadm -Lnc"


def ipvs_tables(family: int, facts: Facts, ends: Sequence[Rule]) -> dict[str, Table]:
    """The tables IPVS and REPLIES, and those they need; without virtual servers where none were saved.

    `ends` are the rules for packets that have no route, or no hops left.
    """
    services, sysctl = facts.virtual_servers, facts.sysctl
    ours = None if services is None else sorted((s for s in services if s.family == family), key=lambda s: not s.mark)
    tables = [
        Table(
            IPVS,
            [*_passed_over(), *_later_packets(), *(_unsaved(family, facts.sets) if ours is None else _found(ours))],
        ),
        Table(REPLIES, list(_replies())),
        Table(_SEND, list(_sent(ends))),
        Table(_SEND_AS_IS, _sent_as_it_is()),
        Table(_REMEMBER, _remembered(sysctl)),
        *(table for service in ours or () for table in _service_tables(service)),
    ]
    return {table.name: table for table in tables}


# Which packets


def _passed_over() -> Iterator[Rule]:
    """What IPVS has sent itself, and what is not for this node alone."""
    yield Rule((Masked("ipvs", 1, -1),), (Return(),))
    yield Rule((Masked("local", 0, -1), Masked("pkttype", 0, -1, True)), (Return(),))


def _found(services: Sequence[VirtualServer]) -> Iterator[Rule]:
    """Marks go before addresses, and a service of every port comes last (ip_vs_service_find)."""
    for service in sorted(services, key=lambda s: (not s.mark, s.port == 0)):
        for tests in _selects(service):
            yield Rule(tests, (Goto(_name(service)),))


def _selects(service: VirtualServer) -> Iterator[tuple[Masked, ...]]:
    if service.mark:
        yield from ((Masked("mark", service.mark, -1), Masked("proto", proto, -1)) for proto in _PROTOCOLS)
        return
    port = (Masked("dport", service.port, -1),) if service.port else ()
    yield (Masked("proto", service.proto, -1), Masked("dst", service.address, -1), *port)


def _unsaved(family: int, sets: Mapping[str, IpSet] | None) -> Iterator[Rule]:
    """To an endpoint that could be anything there is no way to follow the packet."""
    balanced = assumption("the address is a virtual server of IPVS", "ipvsadm -Sn")
    arrives = presumption("nothing on this node drops the packet on its way from IPVS to its endpoint", "ipvsadm -Sn")
    actions = (Note(arrives.question, arrives), Set("ipvs", 1), Set("route_out", 0), Stop("accept", detail="out"))
    may_be = _services_of_kube_proxy(family, sets)
    for proto in _PROTOCOLS:
        yield Rule((Masked("proto", proto, -1), *may_be, Test(_OF_ITS_DESTINATION, balanced)), actions)


_SETS = {
    "CLUSTER-IP": ("dst", "dst"), "EXTERNAL-IP": ("dst", "dst"), "LOAD-BALANCER": ("dst", "dst"),
    "NODE-PORT-TCP": ("dst",), "NODE-PORT-UDP": ("dst",), "NODE-PORT-SCTP-HASH": ("dst", "dst"),
}  # fmt: skip
"""Where kube-proxy notes every address and port that it balances, and how they are looked up (pkg/proxy/ipvs)."""


def _services_of_kube_proxy(family: int, sets: Mapping[str, IpSet] | None) -> tuple[Test, ...]:
    """A test that only packets pass which its sets hold; none if they were not saved."""
    begin = "KUBE-" if family == 4 else "KUBE-6-"
    saved = [(s, ways) for name, ways in _SETS.items() if (s := (sets or {}).get(begin + name)) is not None]
    if sets is None or begin + "CLUSTER-IP" not in sets:
        return ()

    def means(_: object, packet: Packet, world: World) -> Bool:
        return any_of(contains(s, ways, family, packet, world, sets).matched for s, ways in saved)

    return (Test(Key(("set",), Codec("", str), means), None),)


def _ask_about_destination(question: Assumption, packet: Packet, world: World) -> Bool:
    return world.ask(question, about=packet["dst"])


_OF_ITS_DESTINATION = Key(("?",), Codec("question", str), _ask_about_destination)


# Later packets of a connection. Conntrack knows the server: IPVS has told it who will answer, without calling it NAT.


def _is_balanced(direction: int) -> Iterator[tuple[Masked | Test, ...]]:
    known = (Masked("ct_known", 1, -1), Masked("ct_dir", direction, -1), Masked("ct_error", 0, -1))
    for proto in _PROTOCOLS:
        for end, other in (("ct_reply_src", "ct_dst"), ("ct_reply_sport", "ct_dport")):
            yield (*known, Masked("ct_proto", proto, -1), Masked("ct_status", 0, DST_NAT), differs(end, other))


def _later_packets() -> Iterator[Rule]:
    for tests in _is_balanced(0):
        yield Rule(tests, (Copy("dst", "ct_reply_src"), Copy("dport", "ct_reply_sport"), Goto(_SEND)))
    yield Rule((Masked("ct_known", 1, -1), any_of_bits("ct_state", _TRACKED)), (Return(),))


def _replies() -> Iterator[Rule]:
    """What comes back from a server gets the address of the service for its source."""
    yield Rule((Masked("ipvs", 1, -1),), (Return(),))
    for tests in _is_balanced(1):
        yield Rule(tests, (Copy("src", "ct_dst"), Copy("sport", "ct_dport"), Set("ipvs", 1), Return()))


# Which server


def _name(service: VirtualServer) -> str:
    return f"{GROUP} {service}"


def _service_tables(service: VirtualServer) -> Iterator[Table]:
    name = _name(service)
    begun = f"{name} begun"
    not_first: list[tuple[Masked, ...]] = [(any_of_bits("ct_state", ESTABLISHED | RELATED),)]
    if service.mark or service.proto == TCP:
        tcp = Masked("proto", TCP, -1)
        not_first += [(tcp, Masked("tcp_flags", 0, _SYN)), (tcp, Masked("tcp_flags", _RST, _RST))]
    rules = [Rule(tests, (Goto(begun),)) for tests in not_first]
    if service.persistent:
        words = "this client of {service} is bound to {server} by an earlier connection"
        rules += [_taken(index, server, (_asked(words, service, server),)) for index, server in _numbered(service)]
    rules += [*_choices(service), Rule((), (_nobody(service),))]
    yield Table(name, rules, group=GROUP, label=str(service))
    words = "the packet is one of a connection to {service} that IPVS has sent to {server}"
    kept = [_taken(index, server, (_asked(words, service, server),)) for index, server in _numbered(service)]
    yield Table(begun, kept, group=GROUP, label=str(service))


def _numbered(service: VirtualServer) -> Iterable[tuple[int, RealServer]]:
    return enumerate(service.servers, 1)


def _asked(words: str, service: VirtualServer, server: RealServer) -> Test:
    return ask_each_time(assumption(words.format(service=service, server=server), _KEPT, server.span))


def _choices(service: VirtualServer) -> Iterator[Rule]:
    """Servers of weight 0 get no new connections; only `sh` may come upon one, and then takes none."""
    hashed = service.scheduler == "sh"
    open_to_it = [(i, s) for i, s in _numbered(service) if s.weight or hashed]
    if not any(server.weight for _, server in open_to_it):
        return
    shares = _SHARES.get(service.scheduler)
    rest = sum(shares(server) for _, server in open_to_it) if shares else 0
    for place, (index, server) in enumerate(open_to_it, 1):
        tests: tuple[Test, ...] = ()
        if place < len(open_to_it) and shares:
            words = f"IPVS picks {server} for {service}"
            tests = (ask_each_time(Assumption(words, "", server.span, shares(server) / rest)),)
            rest -= shares(server)
        elif place < len(open_to_it):
            tests = (
                _asked(f"{{server}} is what the scheduler {service.scheduler} picks for {{service}}", service, server),
            )
        yield _taken(index, server, tests) if server.weight else Rule(tests, (_nobody(service),), index, server.span)


_SHARES: Mapping[str, Callable[[RealServer], int]] = {"rr": lambda _: 1, "wrr": lambda server: server.weight}
"""Schedulers that take each server in turn, and how often."""


def _nobody(service: VirtualServer) -> Stop:
    return Stop("drop", f"IPVS has no endpoint for {service}", _UNREACHABLE[service.family])


def _taken(index: int, server: RealServer, tests: tuple[Test, ...]) -> Rule:
    return Rule(tests, tuple(_delivery(server)), index, server.span)


def _delivery(server: RealServer) -> Iterator[Action]:
    if server.method == "local":
        yield Return()
        return
    if server.method == "masq":
        yield Set("dst", server.address)
        yield from [Set("dport", server.port)] if server.port else []
        yield Goto(_SEND)
        return
    yield Goto(_SEND_AS_IS)


# On its way


def _looked_up() -> tuple[Action, ...]:
    """By its destination alone (do_output_route4)."""
    kept = ("src", "mark", "tos")
    return (
        *(Copy(f"old_{name}", name) for name in kept),
        *(Set(name, 0) for name in (*kept, "route_in")),
        Call("route"),
        *(Copy(name, f"old_{name}") for name in kept),
    )


def _sent(ends: Sequence[Rule]) -> Iterator[Rule]:
    """Servers on this node are reached where the packet is; to all others it is sent."""
    local = Masked("route_type", LOCAL, -1)
    yield Rule((), (Set("ipvs", 1), *_looked_up()))
    yield Rule((local,), (Call(_REMEMBER), Return()))
    yield from ends
    yield Rule((), (Call(_REMEMBER), Goto("OUTPUT")))


def _sent_as_it_is() -> list[Rule]:
    """The packet keeps its destination, and gets to its server by Ethernet address or in a tunnel."""
    question = assumption("nothing on this node drops the packet, which IPVS sends on with its destination as it is")
    out = (Set("route_out", 0), Stop("accept", detail="out"))
    return [Rule((Test(_OF_ITS_DESTINATION, question),), out), Rule((), (Stop("drop"),))]


def _remembered(sysctl: Mapping[str, str]) -> list[Rule]:
    """Conntrack is told who will answer, or else keeps nothing of the connection: then no SNAT happens either."""
    answers = (Copy("ct_reply_src", "dst"), Copy("ct_reply_sport", "dport"))
    return [
        Rule((Masked("ct_known", 1, -1),), (Return(),)),
        Rule(is_on(sysctl, "net.ipv4.vs.conntrack"), (*answers, Return())),
        Rule((), (Set("ct_state", UNTRACKED), Set("ct_began", 0))),
    ]
