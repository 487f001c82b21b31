"""The archive: a permanent copy of the log, as Parquet files by day with a manifest."""
