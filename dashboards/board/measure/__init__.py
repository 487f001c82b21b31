"""The All measures page, and the page of one measure."""
