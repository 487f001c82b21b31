"""The Custody page: open detentions and their deadlines."""
