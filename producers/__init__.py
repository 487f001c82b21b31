"""What publishes facts: the publisher, and the replay of recorded extracts."""
