"""`make fuzz`: fuzzes each target with Atheris for a limited time; exit status 1 if one of them has a fault."""

import argparse
import subprocess
import sys

from tests.fuzz.targets import CORPUS, FOUND, TARGETS


def main() -> int:
    """Fuzz the named targets, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long for each target")
    parser.add_argument("targets", nargs="*", default=[*TARGETS], metavar="target", help=", ".join(TARGETS))
    given = parser.parse_args()
    faulty = [name for name in given.targets if not _is_sound(name, given.seconds)]
    for name in faulty:
        sys.stdout.write(
            f"{name}: FAULT. The input is in {CORPUS}/{name}-*. Correct the code, and keep the input in {FOUND}/{name}.\n"
        )
    return 1 if faulty else 0


def _is_sound(name: str, seconds: int) -> bool:
    """Whether fuzzing a target for this time found nothing."""
    return not subprocess.run([sys.executable, "-m", "tests.fuzz.one", name, str(seconds)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
