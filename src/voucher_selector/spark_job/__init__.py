"""Counting a whole dataset with Spark: the same rules, and one exactly-once commit."""
