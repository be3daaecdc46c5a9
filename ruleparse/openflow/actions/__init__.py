"""Actions of flows, one a file; each declares ACTION."""
