"""Checks the forecast and the twin against the calls of two real banks, which nobody tuned them to."""
