"""What ovs-vswitchd 3.1 does to packets in headers of several kinds: the flows that they hit, the ports that get them.

`flows` with `;` between them; `hit` their tables and priorities.
"""

from __future__ import annotations

from dataclasses import dataclass

TCP = (
    "in_port=1,tcp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=33,nw_tos=32,"
    "tcp_src=1,tcp_dst=80"
)
TAGGED = TCP.replace("in_port=1,", "in_port=1,dl_vlan=5,")
ARP = "in_port=1,arp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1"
BY_TYPE = (
    "table=1,priority=9,packet_type=(1,0x894f) actions=CONTROLLER;"
    "table=1,priority=8,packet_type=(1,0x8847) actions=CONTROLLER;"
    "table=1,priority=7,packet_type=(1,0x800) actions=CONTROLLER;"
    "table=1,priority=6,dl_type=0x894f,nsh_spi=0x1234,nsh_ttl=63,nsh_si=255,nsh_np=3 actions=output:3;"
    "table=1,priority=5,mpls,mpls_label=99,mpls_ttl=64,mpls_bos=1 actions=output:3;"
    "table=1,priority=4,ip actions=output:4;"
    "table=1,priority=3,dl_dst=00:00:00:00:00:00 actions=output:4;"
    "table=1,priority=2,vlan_tci=0x0000/0x1000 actions=output:4;"
    "table=1,priority=1,in_port=1 actions=output:5"
)


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    first: str
    hit: str
    ports: tuple[int, ...] = ()
    packet: str = TCP
    then: str = BY_TYPE

    @property
    def flows(self) -> str:
        return f"table=0,priority=1 actions={self.first}" + (f";{self.then}" if self.then else "")

    def __str__(self) -> str:
        return self.name


NSH = "encap(nsh(md_type=1)),set_field:0x1234->nsh_spi"
ROWS = (
    Row("an NSH packet is no frame", f"{NSH},goto_table:1", "0:1 1:9"),
    Row("nor does a port take it", f"{NSH},output:2,CONTROLLER", "0:1", then=""),
    Row("nor does FLOOD send it", f"{NSH},FLOOD,NORMAL,IN_PORT", "0:1", then=""),
    Row("but with an Ethernet header", f"{NSH},encap(ethernet),goto_table:1", "0:1 1:6", (3,)),
    Row("a tag is inside too", f"{NSH},encap(ethernet),goto_table:1", "0:1 1:6", (3,), TAGGED),
    Row("NSH is said to be inside of NSH", f"{NSH},{NSH},encap(ethernet),goto_table:1", "0:1 1:3", (4,)),
    Row("NSH around an IPv4 packet", f"decap(),{NSH},encap(ethernet),goto_table:1", "0:1 1:3", (4,)),
    Row("a hop of NSH", f"{NSH},dec_nsh_ttl,encap(ethernet),goto_table:1", "0:1 1:3", (4,)),
    Row("a frame without its header", "decap(),goto_table:1", "0:1 1:7"),
    Row("a frame without its header and with a new one", "decap(),encap(ethernet),goto_table:1", "0:1 1:4", (4,)),
    Row(
        "what looks at a frame does not match",
        "decap(),goto_table:1",
        "0:1 1:1",
        then="table=1,priority=6,ip actions=output:4;table=1,priority=5,dl_dst=00:00:00:00:00:00 actions=output:4;"
        "table=1,priority=4,vlan_tci=0x0000/0x1000 actions=output:4;table=1,priority=1,in_port=1 actions=CONTROLLER",
    ),
    Row("no header is put around one of its kind", "output:6,encap(ethernet),output:2", "0:1", then=""),
    Row("a tagged frame keeps its header", "output:6,decap(),output:2", "0:1", (), TAGGED, then=""),
    Row("an IPv4 packet has no header to take off", "output:6,decap(),decap(),output:2", "0:1", then=""),
    Row("a label", "encap(mpls),set_field:99->mpls_label,goto_table:1", "0:1 1:8"),
    Row("a label in a frame", "encap(mpls),set_field:99->mpls_label,encap(ethernet),goto_table:1", "0:1 1:5", (3,)),
    Row(
        "a label around ARP", "encap(mpls),set_field:99->mpls_label,encap(ethernet),goto_table:1", "0:1 1:5", (3,), ARP
    ),
    Row("a label for many", "encap(mpls_mc),encap(ethernet),goto_table:1", "0:1 1:3", (4,)),
    Row(
        "the output of the action set",
        "write_actions(output:2),goto_table:1",
        "0:1 1:5",
        (2, 3),
        then="table=1,priority=5,actset_output=2 actions=output:3;table=1,priority=3 actions=output:5",
    ),
    Row(
        "no output in the action set",
        "goto_table:1",
        "0:1 1:5",
        (3,),
        then="table=1,priority=5,actset_output=UNSET actions=output:3;table=1,priority=3 actions=output:5",
    ),
    Row(
        "an action set that was emptied",
        "write_actions(output:2),goto_table:1",
        "0:1 1:2 2:4",
        (4,),
        then="table=1,priority=2 actions=clear_actions,goto_table:2;"
        "table=2,priority=5,actset_output=2 actions=output:3;"
        "table=2,priority=4,actset_output=UNSET actions=output:4",
    ),
)
