"""Reading Parquet files safely: a malicious file ends in a ``FileError``, not in a crash."""
