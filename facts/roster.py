"""A force's roster: how many call takers are planned to be at work in each half-hour. It is a plan, so it is not a fact."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from facts.errors import SettingError
from facts.force import Force
from facts.plan_rows import MINUTES, plan_rows, starts_half_hour

COLUMNS = ("day", "start", "skill", "rostered")
HALF_HOUR = timedelta(minutes=MINUTES)
_MOST = 9999
_DIGITS = 20
"""Python refuses to read a number of thousands of digits."""
_HINT = (
    "Each row has a local date (2024-12-02), the local time at which a half-hour starts (07:00 or 07:30), a skill of the profile and "
    f"a whole number up to {_MOST:,}. docs/feed/roster.md has an example."
)


class Roster(Struct, frozen=True):
    """How many call takers are planned.

    Attributes:
        planned: the number for each skill, by the start of the half-hour in UTC. What it does not list is not known.
    """

    planned: Mapping[datetime, Mapping[str, int]] = {}

    def at(self, moment: datetime) -> Mapping[str, int]:
        """The number for each skill at a time."""
        return self.planned.get(half_hour_of(moment), {})


def half_hour_of(moment: datetime) -> datetime:
    """The start of the half-hour that contains a time, in UTC. A zone's offset must be a multiple of half an hour."""
    utc = moment.astimezone(UTC)
    return utc.replace(minute=utc.minute // MINUTES * MINUTES, second=0, microsecond=0)


def parse_roster(text: str, source: str, force: Force) -> Roster:
    """Read a roster file.

    A local time that a clock change repeats has the same number both times; one that it skips has none.

    Args:
        text: the file: CSV with a header.
        source: its name, for errors.
        force: the profile, for its skills and its time zone.

    Raises:
        SettingError: a row is not valid, or two rows are about the same half-hour and skill.
    """
    planned: dict[datetime, dict[str, int]] = {}
    skills, zone = {each.label for each in force.skills}, force.zone()
    for where, cells in plan_rows(text, source, COLUMNS, _HINT):
        _add(cells, planned, skills, zone, where)
    return Roster(planned)


def _add(
    cells: Sequence[str], planned: dict[datetime, dict[str, int]], skills: set[str], zone: ZoneInfo, where: str
) -> None:
    day, start, skill, count = cells
    if skill not in skills:
        hint = f"The profile has the skills {', '.join(sorted(skills)) or 'none'}."
        raise SettingError(f"There is no skill {skill!r}.", where=where, hint=hint)
    if not (count.isascii() and count.isdecimal() and len(count) <= _DIGITS and int(count) <= _MOST):
        raise SettingError(f"{count!r} is not a number of call takers.", where=where, hint=_HINT)
    for instant in _instants(day, start, zone, where):
        if skill in planned.setdefault(instant, {}):
            what = f"{day} {start} has two rows for the skill {skill!r}."
            raise SettingError(what, where=where, hint="Keep one of them.")
        planned[instant][skill] = int(count)


def _instants(day: str, start: str, zone: ZoneInfo, where: str) -> Iterator[datetime]:
    """The times in UTC that a local time means: one, or two or none on the day of a clock change."""
    try:
        at = datetime.combine(date.fromisoformat(day), time.fromisoformat(start))
        found = {at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    except (ValueError, OverflowError):
        raise SettingError(f"{day} {start} is not a date and a time.", where=where, hint=_HINT) from None
    if not starts_half_hour(at):
        raise SettingError(f"{start} does not start a half-hour of local time.", where=where, hint=_HINT)
    yield from sorted(each for each in found if each.astimezone(zone).replace(tzinfo=None) == at)
