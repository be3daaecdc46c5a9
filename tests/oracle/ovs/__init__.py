"""Open vSwitch as the judge of what ruleparse says about flow tables."""
