"""What happened, as plain JSON: one object for a ruleset, and in it one for each packet that was sent.

A ruleset has `id`, `scenario`, `family`, `variant` (the flavour), the texts that a user would have saved (`dump`,
`ipset`, `ip_link`, `ip_addr`, `ip_route_all`, `ip_rule`, `sysctl` ...) and `packets`. A packet has

* `n`, `flow` and `dir` (`o` original, `r` reply), `in`, `uid` or `smac` and `dmac`, `hex` from the IP header on, and
  its fields `f`;
* `verdict`: `forward`, `local`, `sent` or `drop`; `out` (`at`, `hex`, `f`, `mark`) unless it was dropped; `via`, the
  same for a pass over lo before that; `by`, the [table, chain, rule] that dropped it, or `kernel`, with its `reason`;
  `errno` when it could not be sent;
* `hits`: [table, chain, rule, count], rule 0 for a policy; `gen`: the kinds of packets that the firewall made of it;
* `alts`: other things that happened to it when it was sent again; `skip`: why it cannot be judged.
"""

from __future__ import annotations

import errno
from typing import Any

from tests.oracle.decode import decode, rejection
from tests.oracle.kernel import Fate, Firewall, Loaded
from tests.oracle.taps import Sight
from tests.oracle.wire import Packet

Record = dict[str, Any]


def of_ruleset(firewall: Firewall, loaded: Loaded, name: str, scenario: str, packets: list[Record]) -> Record:
    head = {"id": name, "scenario": scenario, "family": loaded.family, "variant": firewall.flavour}
    return {**head, "dump": loaded.text, "ipset": loaded.sets, **firewall.surroundings, "packets": packets}


def of_packet(
    firewall: Firewall, loaded: Loaded, number: int, fate: Fate, flow: int | None = None, way: str = "o"
) -> Record:
    packet, raw = fate.packet, fate.packet.encode()
    record: Record = {"n": number, "flow": number if flow is None else flow, "dir": way, "in": packet.enters}
    if packet.local:
        record["uid"] = packet.uid
    else:
        record["smac"], record["dmac"] = firewall.macs(packet)
    record |= {"hex": raw.hex(), "f": decode(raw), **outcome(loaded, fate)}
    if fate.came_out_again:
        record["skip"] = "came out more than once"
    if fate.errno == errno.EADDRNOTAVAIL:
        record["skip"] = "no socket may send it"
    return record


def packet_of(record: Record) -> Packet:
    """The packet of a record, to send it again."""
    fields = record["f"]
    return Packet(
        fields["src"],
        fields["dst"],
        fields["proto"],
        record["in"],
        uid=record.get("uid", 0),
        src_mac=record.get("smac", ""),
        dst_mac=record.get("dmac", ""),
        raw=bytes.fromhex(record["hex"]),
    )


def outcome(loaded: Loaded, fate: Fate) -> Record:
    result: Record = {"verdict": fate.verdict}
    if fate.end:
        result["out"] = _sight(fate.end)
    else:
        droppers = [key for key in fate.hits if loaded.dump.drops(key)]
        result["by"] = list(droppers[-1]) if droppers else "kernel"
        if not droppers and fate.reason:
            result["reason"] = fate.reason
    if fate.errno:
        result["errno"] = errno.errorcode.get(fate.errno, str(fate.errno))
    passes = [sight for sight in fate.sights if sight.at == "lo"]
    if passes:
        result["via"] = _sight(passes[0])
    kinds = [kind for made in fate.made if (kind := rejection(decode(made.raw)))]
    if kinds and isinstance(result.get("by"), list):
        result["gen"] = [{"kind": kind} for kind in kinds]
    result["hits"] = [[*key, count] for key, count in sorted(fate.hits.items())]
    return result


def _sight(sight: Sight) -> Record:
    record: Record = {"at": sight.at, "hex": sight.raw.hex(), "f": decode(sight.raw)}
    return record | ({"mark": sight.mark} if sight.mark else {})
