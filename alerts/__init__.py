"""When a reading is bad and who is told: the rules come with the alerts issue; nothing stands here yet."""
