"""What publishes facts: the publisher, the replay of extracts, the gateway, and the adapters of live feeds."""
