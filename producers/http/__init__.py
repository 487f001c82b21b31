"""What every HTTP service here shares: problem documents and security headers."""
