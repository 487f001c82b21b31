"""The embedded default: a broker and a state server that `bluelamp up` starts for itself."""
