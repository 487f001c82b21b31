"""Who is notified, with what text, and the attempts to deliver it."""
