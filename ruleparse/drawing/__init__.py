"""What is drawn of a node: its chains, the tables of its bridges, the way of a packet through them."""
