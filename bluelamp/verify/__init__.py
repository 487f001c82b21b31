"""Checking figures and state against the log by separate code, and checking that the system is up to date."""
