"""The services, each put together from its parts: exporter, inbox, gateway, alerts and Grafana."""
