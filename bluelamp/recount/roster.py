"""Compares the call takers with a roster (section 15 of the semantics), from the roster file and the recounted states."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bluelamp.recount.times import MINUTE, microseconds, moment_of
from facts.force import Force

_TEXT = """
    WITH
    minute AS (SELECT unnest($moment::BIGINT[]) AS moment, unnest($day::VARCHAR[]) AS day, unnest($start::VARCHAR[]) AS start),
    change AS (
        SELECT decided AS after, state, CASE kind WHEN 'call_taker_state_began' THEN 1 ELSE -1 END AS change
        FROM call_takers_finished
        WHERE kind IN ('call_taker_state_began', 'call_taker_state_ended') AND force = $force AND list_contains($skills, skill)
        UNION ALL
        SELECT since - 1 AS after, state, -1 AS change
        FROM call_takers_open
        WHERE kind = 'call_taker_unrecorded' AND force = $force AND list_contains($skills, skill)
    ),
    present AS (
        SELECT
            moment, coalesce(sum(change), 0) AS staffed,
            coalesce(sum(change) FILTER (WHERE state NOT IN ('signed_on', 'on_break')), 0) AS ready
        FROM minute LEFT JOIN change ON after < moment
        GROUP BY moment
    ),
    planned AS (
        SELECT moment, sum(rostered::INTEGER) AS rostered, count(*) AS skills
        FROM minute JOIN read_csv($roster, header = true, all_varchar = true) AS row USING (day, start)
        WHERE list_contains($skills, row.skill)
        GROUP BY moment
    )
    SELECT
        sum(rostered)::BIGINT, sum(least(staffed, rostered))::BIGINT, sum(least(ready, rostered))::BIGINT,
        count(*) FILTER (WHERE planned.skills = len($skills)), count(*)
    FROM present LEFT JOIN planned USING (moment)
    """


def with_roster(
    connection: Any, force: Force, roster: Path, skills: Sequence[str], start: datetime, end: datetime
) -> tuple[int, int, int] | None:
    """The rostered minutes, in how many somebody was staffed, and in how many ready; the arguments are those of `Recount.with_roster`."""
    times = range(microseconds(start), microseconds(end), MINUTE)
    local = [moment_of(each).astimezone(force.zone()) for each in times]
    values = {
        "moment": list(times),
        "day": [f"{each:%Y-%m-%d}" for each in local],
        "start": [f"{each:%H}:{each.minute // 30 * 30:02}" for each in local],
        "force": force.name,
        "skills": list(skills),
        "roster": str(roster),
    }
    rostered, staffed, ready, known, minutes = connection.execute(_TEXT, values).fetchone()
    return (rostered, staffed, ready) if known == minutes else None
