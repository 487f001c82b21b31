"""The inbox over HTTP: who may do what, the list of alerts, and the sign-in page."""
