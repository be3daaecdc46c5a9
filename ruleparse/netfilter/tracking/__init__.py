"""The connection tracker: what the packets walked so far have left behind, as tables that the next packet walks."""
