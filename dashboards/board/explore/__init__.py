"""The Explore page: the distribution and weekly pattern of one measure."""
