"""The check of a feed before it is believed: what its facts show, what that does to which measure, and a verdict to sign."""
