"""The inbox's record: its entries, the state they add up to, and what adds entries: engines, people and time."""
