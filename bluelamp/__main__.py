"""`python -m bluelamp` is the command line."""

from bluelamp.cli import main

main()
