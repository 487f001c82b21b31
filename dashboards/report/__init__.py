"""The analyst's tables: the performance report, comparisons across periods and control charts, as data, page and file."""
