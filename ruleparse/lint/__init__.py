"""Defects of saved rules, found without asking about any packet in particular."""
