"""Alerts: a table of rules, the engine that evaluates it (or Prometheus), and the inbox that notifies people."""
