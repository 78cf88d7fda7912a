"""Counting a hundred million rows in 200 objects: Spark, the ingest code in parallel, and others."""
