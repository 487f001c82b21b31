"""Grafana dashboards for the three users: generated from the catalogue, provisioned by file, published by API."""
