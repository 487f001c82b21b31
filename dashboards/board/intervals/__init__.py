"""The Intervals page: one queue of contacts by half-hours of one day."""
