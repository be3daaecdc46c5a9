"""Which VLANs a port carries, and how (ovs-vswitchd.conf.db(5), columns tag, trunks and vlan_mode of Port).

Only NORMAL heeds that (ofproto/ofproto-dpif-xlate.c: input_vid_is_valid, xvlan_input_translate, xbundle_includes_vlan,
xvlan_output_translate, xvlan_put).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ID, PRIORITY, PRESENT = 0xFFF, 0xE000, 0x1000
"""Parts of a tag. A frame with ID 0 is in no VLAN."""


@dataclass(frozen=True, slots=True)
class PortVlans:
    """`mode` is `access`, `trunk`, `native-tagged` or `native-untagged`; `trunks` are None where all are carried."""

    mode: str = "trunk"
    tag: int = 0
    trunks: frozenset[int] | None = None

    def takes(self, vlan: int) -> bool:
        """Whether frames with an ID may come in."""
        if self.mode == "access":
            return vlan == 0
        return (vlan == 0 and self._native) or self._trunks(vlan)

    def inside(self, vlan: int) -> int:
        """The VLAN in which a frame is that came in with an ID."""
        return self.tag if self.mode == "access" or (vlan == 0 and self._native) else vlan

    def carries(self, vlan: int) -> bool:
        """Whether frames of a VLAN go out."""
        return vlan == self.tag if self.mode == "access" else self._trunks(vlan)

    def outside(self, vlan: int, priority: int) -> int:
        """The tag with which a frame of a VLAN goes out, 0 for none."""
        if self.mode == "access" or (self.mode == "native-untagged" and vlan == self.tag):
            return 0
        return PRESENT | priority | vlan if priority | vlan else 0

    @property
    def _native(self) -> bool:
        return self.mode.startswith("native")

    def _trunks(self, vlan: int) -> bool:
        if self._native and self.tag in (0, vlan):
            return vlan == self.tag or self.trunks is None or vlan in self.trunks
        return (self.trunks is None or vlan in self.trunks) and (vlan != 0 or not self._native)


EVERY = PortVlans()
"""A port of which nothing was said."""


def port_vlans(mode: str, tag: str, trunks: Iterable[str]) -> PortVlans | None:
    """From the columns of Port, empty where they are not set; None of a mode that is not followed."""
    tagged = tag.isdecimal() and int(tag) <= ID
    mode = mode or ("access" if tagged else "trunk")
    if mode not in ("access", "trunk", "native-tagged", "native-untagged"):
        return None
    several = frozenset(int(vlan) for vlan in trunks if vlan.isdecimal())
    return PortVlans(mode, int(tag) if tagged and mode != "trunk" else 0, several or None)
