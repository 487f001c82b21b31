"""The What if page: the next two hours of 999 and 101, and what more or fewer call takers would change."""
