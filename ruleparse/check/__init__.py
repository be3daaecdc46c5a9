"""Expectations about packets, and whether a node's rules meet them."""
