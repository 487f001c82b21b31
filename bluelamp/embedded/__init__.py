"""The embedded parts: a broker and a state server that `bluelamp up` starts itself."""
