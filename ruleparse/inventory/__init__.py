"""What there is on a node, in Kubernetes words."""
