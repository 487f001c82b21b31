"""Whether a service can do its work: the parts that it needs respond. Anyone may ask, so it says nothing else."""

import threading
from collections.abc import Callable, Mapping

import msgspec

_KEPT_SECONDS = 2.0
Check = Callable[[], float | None]
"""Checks a part: returns the age of its figures in seconds, or None if it has none; raises any error if it does not respond."""


class Readiness:
    """The answer to `/ready`: checked at most every other second, however often it is asked.

    Args:
        checks: by the name of the part.
        monotonic: a clock that never jumps.
    """

    def __init__(self, checks: Mapping[str, Check], monotonic: Callable[[], float]) -> None:
        self._checks, self._monotonic = checks, monotonic
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._answer: tuple[bool, bytes] = (False, b"")

    def __call__(self) -> tuple[bool, bytes]:
        """Whether every part responds, and the body that says which; blocking."""
        with self._lock:
            if self._monotonic() - self._checked_at > _KEPT_SECONDS:
                self._answer = self._check()
                self._checked_at = self._monotonic()
            return self._answer

    def _check(self) -> tuple[bool, bytes]:
        parts, ages = dict[str, str](), dict[str, float | None]()
        for name, check in self._checks.items():
            try:
                ages[name] = check()
                parts[name] = "good"
            except Exception:  # noqa: BLE001 - whatever is wrong, the part is not ready; `bluelamp check` says what it is
                parts[name] = "bad"
        is_ready = "bad" not in parts.values()
        age = max((each for each in ages.values() if each is not None), default=None)
        return is_ready, msgspec.json.encode({"ready": is_ready, "parts": parts, "figures_age_seconds": age})
