"""Reads the log, keeps the state, gives the readings."""
