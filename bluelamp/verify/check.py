"""`bluelamp check`: checks every part that the figures depend on, and every feed of every force."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.verify.checks.clocks import clock_results, stamp_results
from bluelamp.verify.checks.events import event_results
from bluelamp.verify.checks.feeds import force_results
from bluelamp.verify.checks.log import archive_results, log_results
from bluelamp.verify.checks.parts import ServicePart, service_results
from bluelamp.verify.checks.programs import program_results, this_program
from bluelamp.verify.checks.result import CheckResult
from bluelamp.verify.checks.rosters import roster_results
from bluelamp.verify.checks.state import Pause, a_second, look, state_results, state_server, write_results
from bluelamp.wiring.settings import Settings
from facts.errors import BlueLampError
from streams.readings import Reader
from streams.refusal import explained


def examine(
    settings: Settings, reader: Reader, parts: list[ServicePart], pause: Pause = a_second, only: str = ""
) -> Iterator[CheckResult]:
    """Check profiles, log, state server, rosters, planned events, archive, clocks, state, workers, every force's feeds, and the HTTP services.

    A check that depends on a log or a state server that is bad is unknown.

    Args:
        settings: the addresses of every part.
        reader: reads the state that the settings name, with the rules of every force.
        parts: the HTTP services.
        pause: waits between two looks at the progress of the workers.
        only: the force whose feeds are checked; empty for all.
    """
    yield this_program(settings)
    yield CheckResult("profiles", "good", f"{len(reader.rules)} loaded: {', '.join(reader.rules)}.")
    shown = [only] if only else settings.shown_forces()
    log = [*_guarded("log", lambda: log_results(settings, reader.now()))]
    server = [*_guarded("state server", lambda: state_server(reader.redis, settings.state_server()))]
    yield from (*log, *server)
    waiting: set[str] = set()

    def state() -> Iterator[CheckResult]:
        seen = look(settings, reader.rules, reader.redis, pause)
        waiting.update(topic for topic, _ in seen.late())
        yield from state_results(seen)

    has_log, has_state = not _is_bad(log), _responds(reader.redis)
    for results in (roster_results, event_results):
        yield from results(settings, reader.rules, shown, lambda force: _present(reader, force))
    yield from _if(has_log, "archive", "the log", lambda: archive_results(settings, reader.now()))
    yield from _if(has_state, "writes", "the state server", lambda: write_results(reader.redis, settings.state_name))
    yield from _if(has_log, "stamps", "the log", lambda: stamp_results(settings))
    yield from _if(
        has_state, "versions", "the state server", lambda: program_results(settings, reader.redis, reader.now())
    )
    yield from _if(has_state, "clock", "the state server", lambda: clock_results(reader))
    yield from _if(has_log and has_state, "state", "the log or the state server", state)
    yield from _if(
        has_state, "forces", "the state server", lambda: force_results(reader, shown, waiting, is_alone=bool(only))
    )
    yield from service_results(parts)


def _present(reader: Reader, force: str) -> datetime:
    """The force's present, or the wall clock if the state cannot be read, which has a check of its own."""
    try:
        return reader.present(force)
    except (BlueLampError, RedisError, msgspec.MsgspecError, ValueError):
        return reader.now()


def _responds(redis: Redis) -> bool:
    """Whether the state server responds, however it is configured."""
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def _is_bad(results: Iterable[CheckResult]) -> bool:
    return any(each.state == "bad" for each in results)


def _if(is_seen: bool, check: str, what: str, look_at: Callable[[], Iterable[CheckResult]]) -> Iterator[CheckResult]:
    if is_seen:
        yield from _guarded(check, look_at)
    else:
        yield CheckResult(
            check, "unknown", f"Not checked: {what} is not available.", what, "Fix that first, then check again."
        )


def _guarded(check: str, look_at: Callable[[], Iterable[CheckResult]]) -> Iterator[CheckResult]:
    try:
        yield from look_at()
    except BlueLampError as error:
        yield CheckResult(check, "bad", error.what, error.where, error.hint)
    except RedisError as error:
        found = explained(error)
        yield CheckResult(check, "bad", found.what, found.where, found.hint)
    except (msgspec.MsgspecError, ValueError) as error:
        hint = (
            "Another program has written to it, or its disk is damaged. "
            "Rebuild it: `bluelamp rebuild --restart --switch --accept-differences`."
        )
        yield CheckResult(check, "bad", f"The state contains data that cannot be read: {error}.", "the state", hint)
