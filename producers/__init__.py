"""Everything that publishes facts: the publisher, replays of extracts, the gateway, live adapters and the simulator."""
