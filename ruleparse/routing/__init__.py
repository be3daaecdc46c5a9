"""What `ip` and `sysctl` print of a node, and how its kernel routes: who owns an address, where a packet leaves."""
