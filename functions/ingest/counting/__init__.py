"""Counting a Parquet file: pure functions, without AWS."""
