"""The Feeds page: the health of feeds and topics."""
