"""HTTP ingest: systems that push tell their facts here, and are answered once the log has them."""
