"""Publishing facts from files: replaying an extract, a replay's dry run, and following a growing file."""
