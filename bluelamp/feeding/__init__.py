"""Sending facts to the log from files: replaying an extract, its dry run, and following a growing file."""
