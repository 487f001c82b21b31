"""A seeded discrete-event simulation of a force: the same seed gives the same facts, byte for byte."""
