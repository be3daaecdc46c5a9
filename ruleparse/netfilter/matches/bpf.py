from __future__ import annotations

from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import as_it_is_now
from ruleparse.netfilter.classic_bpf import Instruction, NotInThePacket, parse_program, run, show_program
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_PROGRAM = Codec("count,code jt jf k[,…]", parse_program, show_program)


def _tests(givens: Givens, context: Context) -> Tests:
    if givens.has("--object-pinned"):
        words = f"the BPF program {givens.get('--object-pinned')} takes the packet"
        yield ask(context.asks(words, "bpftool prog dump xlated"))
        return
    program: tuple[Instruction, ...] = givens.get("--bytecode")
    question = context.asks(f"the BPF program {show_program(program)} takes the packet")

    def means(_: object, packet: Packet, world: World) -> Bool:
        raw = wire.current(packet)
        if raw is not None:
            try:
                return run(program, raw[: wire.layout(raw).end]) != 0
            except NotInThePacket:
                pass
        elif len(program) == 1 and program[0].code == 6:
            return program[0].k != 0
        return world.ask(question, about=as_it_is_now(packet))

    yield Test(Key(("bpf",), _PROGRAM, means), program)


MATCH = Match(
    "bpf",
    """A classic BPF program over the packet from the IP header on. What a pinned program does, no dump holds
    (iptables-extensions(8); net/netfilter/xt_bpf.c).""",
    (Option(("--bytecode",), _PROGRAM), Option(("--object-pinned",), TEXT)),
    tests=_tests,
)
