"""A seeded discrete-event simulation of a force: one seed, one log, byte for byte."""
