"""The page with the runbooks."""
