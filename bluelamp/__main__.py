"""`python -m bluelamp` is the command line."""

from bluelamp.cli.main import main

main()
