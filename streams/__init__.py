"""Reads the log, keeps the state and reads figures from it."""
