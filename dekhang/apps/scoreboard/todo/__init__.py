"""What stands between one unit and its proofs, in the order of what an hour brings, each with the place where it is done."""
