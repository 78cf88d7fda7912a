"""The ingest function: a Parquet object becomes counts."""
