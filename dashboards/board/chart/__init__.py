"""The Charts page: one measure as a control chart."""
