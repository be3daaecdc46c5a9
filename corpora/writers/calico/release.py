"""What differs between Calico releases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """Calico 3.`minor`."""

    minor: int

    accept = 0x10000
    passed = 0x20000

    @property
    def has_drop_mark(self) -> bool:
        return self.minor >= 30

    @property
    def drop(self) -> int:
        return 0x40000 if self.has_drop_mark else 0

    @property
    def scratch0(self) -> int:
        return 0x80000 if self.has_drop_mark else 0x40000

    @property
    def scratch1(self) -> int:
        return self.scratch0 << 1

    @property
    def all_marks(self) -> int:
        return self.accept | self.passed | self.scratch0 | self.scratch1

    @property
    def blocks_service_loops(self) -> bool:
        return self.minor >= 17

    @property
    def polices_after_nat(self) -> bool:
        """mangle POSTROUTING, and the accept mark that FORWARD sets for it."""
        return self.minor >= 18

    @property
    def comments_policy_chains(self) -> bool:
        return self.minor >= 22

    @property
    def has_rpf_skip(self) -> bool:
        return self.minor >= 23

    @property
    def vxlan_text(self) -> tuple[str, str]:
        return ("IPv4 VXLAN", "allowed") if self.minor >= 23 else ("VXLAN", "whitelisted")

    @property
    def encapsulation_source_text(self) -> str:
        return "workloads" if self.minor >= 18 else "pods"

    @property
    def groups_policies(self) -> bool:
        return self.minor >= 28

    @property
    def clears_verdict_at_once(self) -> bool:
        return self.minor >= 28

    @property
    def strips_final_returns(self) -> bool:
        return self.minor >= 28

    @property
    def has_tiers(self) -> bool:
        return self.minor >= 29

    @property
    def leaves_vxlan_untracked(self) -> bool:
        return self.minor >= 29

    @property
    def appends_postrouting(self) -> bool:
        return self.minor >= 29

    def start_of_tier(self, tier: str) -> str:
        if self.minor == 28:
            return ""
        return f"Start of tier {tier}" if self.has_tiers else "Start of policies"

    def end_of_tier(self, tier: str) -> str:
        text = "Drop if no policies passed packet"
        return f"End of tier {tier}. {text}" if self.minor >= 30 else text
