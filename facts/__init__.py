"""What a force reports, and the force's profile: pure data, independent of how it is transported."""
