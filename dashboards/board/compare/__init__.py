"""The Compare page: one measure over several periods."""
