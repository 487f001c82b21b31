"""When a reading is bad and who is told: a table of rules, rendered for Prometheus and evaluated in process."""
