"""The Handover page: one sheet for the next shift."""
