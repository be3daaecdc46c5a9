"""Names of TOS values and DiffServ classes, as rules write them (iptables, tos_values.c and dscp_helper.c)."""

from __future__ import annotations

TOS_NAMES = {
    "Minimize-Delay": 0x10,
    "Maximize-Throughput": 0x08,
    "Maximize-Reliability": 0x04,
    "Minimize-Cost": 0x02,
    "Normal-Service": 0x00,
}

DSCP_CLASSES = {
    "BE": 0,
    "EF": 0x2E,
    **{f"CS{n}": n << 3 for n in range(8)},
    **{f"AF{n}{drop}": n << 3 | drop << 1 for n in range(1, 5) for drop in range(1, 4)},
}
