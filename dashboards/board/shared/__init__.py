"""What several pages of the board share."""
