"""The Spark job that counts a dataset, which is many objects counted as one source."""
