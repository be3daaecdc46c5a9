"""Targets (`-j NAME`), one a file; each declares TARGET."""
