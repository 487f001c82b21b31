"""Building a new version of the state from archive and log, and showing that it is the same."""
