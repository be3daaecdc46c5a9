"""Open vSwitch: what `ovs-ofctl` prints about a bridge, lowered into tables of rules."""
