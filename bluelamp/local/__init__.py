"""Everything that `bluelamp up` starts and keeps on one machine."""
