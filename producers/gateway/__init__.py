"""Ingest over HTTP: systems push their facts here, and get an answer once the log has them."""
