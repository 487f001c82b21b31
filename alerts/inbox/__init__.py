"""The inbox: records every alert in an append-only log, notifies people, and keeps who did what."""
