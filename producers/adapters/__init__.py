"""Adapters for live feeds: they publish what a source writes or pushes, and no fact is lost or counted twice."""
