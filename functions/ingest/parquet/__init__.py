"""Read Parquet files, with checks that make a hostile file fail with a sentence instead of a crash."""
