"""iptables, ip6tables and ipset: reading what they saved and lowering it into tables of rules."""
