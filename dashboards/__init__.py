"""What people look at: the web board."""
