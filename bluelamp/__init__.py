"""The command line, the settings, everything that opens connections, the embedded servers and the recount."""
