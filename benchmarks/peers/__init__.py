"""The same question to other stream engines, each in a program of its own that imports nothing of Blue Lamp."""
