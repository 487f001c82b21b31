"""The command line, the settings, the composition root, the embedded default and the recount."""
