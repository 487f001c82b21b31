"""The web board: pages that follow the readings live, without any internet access."""
