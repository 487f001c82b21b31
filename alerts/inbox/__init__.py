"""The inbox: what was raised, who took it, who was told and how it ended, in a log that is only ever added to."""
