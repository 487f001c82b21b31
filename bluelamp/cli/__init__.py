"""The command line, one file a command: each parses its options, calls the room that does the work, and prints what comes back."""
