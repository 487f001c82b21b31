"""Building a new state version from archive and log, and comparing it with the current one."""
