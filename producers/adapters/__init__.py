"""Adapters of live feeds: what a source writes or pushes becomes facts, none lost and none counted twice."""
