"""The inbox: records every alert in an append-only log, notifies people, and keeps a record of who did what."""
