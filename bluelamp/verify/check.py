"""`bluelamp check`: whether everything the figures of every force depend on is there, fits together, and is up to date."""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.verify.checks.clocks import clock_findings, stamp_findings
from bluelamp.verify.checks.feeds import force_findings
from bluelamp.verify.checks.finding import Finding
from bluelamp.verify.checks.log import archive_findings, log_findings
from bluelamp.verify.checks.parts import ServicePart, part_findings
from bluelamp.verify.checks.state import Pause, a_second, look, state_findings, state_server, write_findings
from bluelamp.wiring.settings import Settings
from facts.errors import BlueLampError
from streams.readings import Reader
from streams.refusal import explained


def examine(settings: Settings, reader: Reader, parts: list[ServicePart], pause: Pause = a_second) -> Iterator[Finding]:
    """Look at profiles, log, state server, archive, clocks, state, workers, every force's feeds, and what answers over HTTP.

    What cannot be seen because the log or the state server is bad is said to be unknown.

    Args:
        settings: where everything is.
        reader: of the state that the settings name, with the rules of every force.
        parts: those that answer over HTTP.
        pause: waits between two looks at what moves.
    """
    yield Finding("profiles", "good", f"{len(reader.rules)} read: {', '.join(reader.rules)}.")
    log = [*_guarded("log", lambda: log_findings(settings, reader.now()))]
    server = [*_guarded("state server", lambda: state_server(reader.redis))]
    yield from (*log, *server)
    waiting: set[str] = set()

    def state() -> Iterator[Finding]:
        seen = look(settings, reader.rules, reader.redis, pause)
        waiting.update(topic for topic, _ in seen.late())
        yield from state_findings(seen)

    has_log, has_state = not _is_bad(log), _answers(reader.redis)
    yield from _if(has_log, "archive", "the log", lambda: archive_findings(settings, reader.now()))
    yield from _if(has_state, "writes", "the state server", lambda: write_findings(reader.redis, settings.state_name))
    yield from _if(has_log, "stamps", "the log", lambda: stamp_findings(settings))
    yield from _if(has_state, "clock", "the state server", lambda: clock_findings(reader))
    yield from _if(has_log and has_state, "state", "the log or the state server", state)
    yield from _if(has_state, "forces", "the state server", lambda: force_findings(reader, settings.force, waiting))
    yield from part_findings(parts)


def _answers(redis: Redis) -> bool:
    """Whether there is a state to look at, however its server is set up."""
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def _is_bad(findings: Iterable[Finding]) -> bool:
    return any(each.state == "bad" for each in findings)


def _if(is_seen: bool, check: str, what: str, look_at: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    if is_seen:
        yield from _guarded(check, look_at)
    else:
        yield Finding(
            check, "unknown", f"Not looked at: {what} is not there.", what, "Mend that first, and look again."
        )


def _guarded(check: str, look_at: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look_at()
    except BlueLampError as error:
        yield Finding(check, "bad", error.what, error.where, error.hint)
    except RedisError as error:
        found = explained(error)
        yield Finding(check, "bad", found.what, found.where, found.hint)
    except (msgspec.MsgspecError, ValueError) as error:
        hint = "Something else has written to it, or its disk is broken. Build it again: `bluelamp rebuild --anew --switch --accept-differences`."
        yield Finding(check, "bad", f"The state holds what cannot be read: {error}.", "the state", hint)
