"""Which packets two nodes, or two bridges, treat differently, and whose counters moved."""
