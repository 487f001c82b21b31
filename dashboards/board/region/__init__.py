"""The page Region: the forces of the installation side by side, and what they come to together."""
