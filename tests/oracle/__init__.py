"""The kernel as the judge: random rulesets, real packets, and what ruleparse says about them."""
