"""What `kubectl get -o json` printed: names for addresses. Nothing here changes what becomes of a packet."""
