"""Packets one after another, each meeting what those before it left behind: connections, sets, learnt addresses."""
