"""The Staffing page: call takers by queue, now and by half-hours of today."""
