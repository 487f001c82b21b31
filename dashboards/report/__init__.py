"""The analyst's tables: the public report, one measure compared over time, control charts; as data, page and file."""
