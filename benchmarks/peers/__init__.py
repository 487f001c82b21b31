"""The same question for other stream engines, each in a program of its own that imports nothing from Blue Lamp."""
