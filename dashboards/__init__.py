"""What people look at: the web board, and dashboards for Grafana."""
