"""Matches (`-m NAME`), one a file; each declares MATCH."""
