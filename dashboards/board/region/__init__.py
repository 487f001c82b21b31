"""The page Region: the forces of the installation side by side, and figures for all of them together."""
