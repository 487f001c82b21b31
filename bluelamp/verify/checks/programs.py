"""Checks of the programs: which version and build this is, whether others that run differ, and whether one keeps restarting."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from redis import Redis

from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.program import VERSION, program_words
from bluelamp.wiring.settings import Settings
from streams.started import Start, latest, start_families, starts

_STARTS_MAX = 4
"""More starts than this within half an hour raise the alert `process_restarting` too."""
_SHOWN = timedelta(days=30)


def this_program(settings: Settings) -> CheckResult:
    """The version and build of this command."""
    return CheckResult("program", "good", f"{program_words(settings)}.")


def program_results(settings: Settings, redis: Redis, now: datetime) -> Iterator[CheckResult]:
    """Whether the other processes were started with this version and build, and stay up.

    Raises:
        RedisError: the state server cannot be read.
    """
    recorded = starts(redis, settings.state_name)
    last = [each for each in latest(recorded).values() if now - each.at <= _SHOWN]
    others = sorted({_words(each) for each in last if (each.version, each.build) != (VERSION, settings.build)})
    if others:
        what = f"Last started with another version or build than this command: {', '.join(others)}."
        hint = "Restart them with this version once an upgrade is complete: docs/run/upgrade.md."
        yield CheckResult("versions", "warning", what, ", ".join(sorted({each.process for each in last})), hint)
    elif last:
        yield CheckResult("versions", "good", f"{len(last)} processes were started with this version.")
    (family,) = start_families(recorded, now)
    for sample in family.samples:
        if sample.value > _STARTS_MAX:
            what = f"{sample.labels['service']} has started {sample.value:g} times in 30 minutes."
            yield CheckResult("starts", "warning", what, sample.labels["process"], "Read the end of its log.")


def _words(start: Start) -> str:
    build = f" build {start.build}" if start.build else ""
    return f"{start.service} {start.version}{build}"
