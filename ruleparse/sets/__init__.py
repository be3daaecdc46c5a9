"""Sets of packets in words a person would write: decision diagrams read back as prefixes, ranges and names."""
