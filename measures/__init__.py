"""What we count, over which windows, and what a figure means: pure functions of the facts."""
