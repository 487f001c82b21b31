"""The archive: the log kept for good, as Parquet by day with a manifest, so that nothing depends on Kafka's retention."""
