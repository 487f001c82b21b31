"""The question that every engine answers, and what each keeps about a contact or an incident; plain Python, shared by all.

Over the hour before a moment, in panes of a minute: the share of 999 calls answered within 10 seconds, and for Grade 1 incidents by area
the median time from opened to arrived and the share that took at most 15 minutes.
"""

import statistics
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

LIMITS = {"999": 10, "area": 900}
"""The targets in seconds, for calls and for incidents."""
HOUR_MINUTES = 60


class FinishedWait(NamedTuple):
    """A finished wait.

    Attributes:
        key: `999`, or the area of an incident.
        minute: the minute in which it ended, counted from 1970.
        seconds: how long it took: in tenths for a call, in whole seconds for an incident, rounded half up.
    """

    key: str
    minute: int
    seconds: float


def follow(known: dict[str, Any], fact: dict[str, Any]) -> FinishedWait | None:
    """Add a fact to what is known about its subject, and return the wait that it finished, if any."""
    kind, at = fact["fact"], datetime.fromisoformat(fact["at"]).timestamp()
    if kind in ("ContactOffered", "IncidentOpened"):
        known.setdefault("opened", at)
        known.setdefault("grade", fact.get("grade"))
        known.update(area=fact.get("area") or "none", line=fact.get("line"))
    elif kind == "IncidentRegraded":
        known["grade"] = fact["grade"]
    elif kind in ("ContactAnswered", "UnitArrived"):
        known.setdefault("ended", at)
    return _finished(known)


def _finished(known: dict[str, Any]) -> FinishedWait | None:
    """The wait of a subject, once its opening and its end are known, in whichever order they arrived."""
    if "is_finished" in known or not known.keys() >= {"opened", "ended"}:
        return None
    known["is_finished"], is_call = True, known["line"] is not None
    if known["line"] != "999" and known["grade"] != "1":
        return None
    per_second = 10 if is_call else 1
    seconds = int((known["ended"] - known["opened"]) * per_second + 0.5) / per_second
    return FinishedWait("999" if is_call else known["area"], int(known["ended"] // 60), seconds)


def subject_of(fact: dict[str, Any]) -> str:
    """The key under which the facts of one subject meet; empty for a heartbeat."""
    return str(fact.get("subject_id", ""))


def last_hour(spans: Iterable[FinishedWait], end: str) -> dict[str, list[float]]:
    """The answer: for each key the number of waits, their median in seconds, and the share within the limit.

    Args:
        spans: finished waits.
        end: the moment, in ISO 8601, a whole minute.
    """
    last = int(datetime.fromisoformat(end).astimezone(UTC).timestamp()) // 60
    by_key: dict[str, list[float]] = {}
    for span in spans:
        if last - HOUR_MINUTES <= span.minute < last:
            by_key.setdefault(span.key, []).append(span.seconds)
    return {key: _figures(key, found) for key, found in sorted(by_key.items())}


def _figures(key: str, seconds: list[float]) -> list[float]:
    limit = LIMITS["999" if key == "999" else "area"]
    within = sum(each <= limit for each in seconds)
    return [len(seconds), statistics.median(seconds), within / len(seconds)]
