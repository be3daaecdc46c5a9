"""IPVS, the kernel's load balancer behind INPUT: what `ipvsadm` printed of it, and its way as tables of rules."""

from ruleparse.netfilter.ipvs.model import RealServer, VirtualServer, VirtualServers
from ruleparse.netfilter.ipvs.read import read

__all__ = ["RealServer", "VirtualServer", "VirtualServers", "read"]
