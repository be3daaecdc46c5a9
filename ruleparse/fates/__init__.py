"""What becomes of packets, told from the pieces that the evaluator returns; knows no dialect."""
