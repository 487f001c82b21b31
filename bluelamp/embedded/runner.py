"""`python -m bluelamp.embedded.runner PROGRAM ...`: runs another program that ends when its parent process does, even by kill -9.

The process becomes the program, which therefore has its process id, signals and exit status.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for a signal when the parent ends, then become the program."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        return  # the parent ended before this request
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - a program, not a shell


if __name__ == "__main__":
    main()
