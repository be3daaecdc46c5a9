"""How fast ruleparse is, and how often the kernel agrees with it."""
