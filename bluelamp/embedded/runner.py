"""`python -m bluelamp.embedded.runner PROGRAM ...`: a program of others that ends when whoever started it does, even killed.

The process becomes the program, so that its id, its signals and its status are the program's own.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for a signal at the end of the parent, and become the program."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        return  # the parent had ended before we asked
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - a program, not a shell


if __name__ == "__main__":
    main()
