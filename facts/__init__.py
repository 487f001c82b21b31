"""What a force reports, and who the force is: pure data, nothing about how it travels."""
