"""All packets at once, of a host's rules and of a bridge: their fates, and who can reach whom."""
