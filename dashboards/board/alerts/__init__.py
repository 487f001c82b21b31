"""The Alerts page: alerts from the inbox."""
