"""The subjects behind a figure, with every fact that was told of them, and which of those count."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct


class RecountFact(Struct, frozen=True):
    """One fact.

    Attributes:
        fact: its canonical JSON.
        counts: it is in force: the last one told under its id, neither replaced nor withdrawn, and no withdrawal itself.
    """

    fact: str
    counts: bool


class RecountSubject(Struct, frozen=True):
    """A contact, an incident, a detention or an occurrence.

    Attributes:
        subject_id: as the force's systems tell it.
        facts: in order of event time, then of their ids.
    """

    subject_id: str
    facts: tuple[RecountFact, ...]


_FACTS = """
    WITH
    wanted AS (
        SELECT subject.* FROM subject JOIN (SELECT unnest(?::BIGINT[]) AS subject) AS asked USING (subject)
    ),
    told AS (
        SELECT DISTINCT
            wanted.subject, wanted.subject_id, line.happened, line.canonical,
            json_extract_string(line.canonical, '$.fact_id') AS fact_id
        FROM read_csv(
            ?, delim = '\\t', quote = '', escape = '', header = false, auto_detect = false,
            columns = {'topic': 'VARCHAR', 'happened': 'BIGINT', 'canonical': 'VARCHAR'}
        ) AS line
        JOIN wanted
            ON wanted.topic = line.topic
            AND wanted.subject_id = json_extract_string(line.canonical, '$.subject_id')
            AND wanted.force = json_extract_string(line.canonical, '$.force')
    ),
    ranked AS (
        SELECT
            *,
            row_number() OVER (PARTITION BY subject, fact_id ORDER BY happened DESC, canonical DESC) = 1 AS stands
        FROM told
    )
    SELECT ranked.subject, ranked.subject_id, ranked.canonical, stands AND effective.place IS NOT NULL AS counts
    FROM ranked
    LEFT JOIN effective USING (subject, fact_id)
    ORDER BY ranked.subject, ranked.happened, ranked.fact_id, ranked.canonical
"""


def subjects(connection: Any, told: Path, numbers: Sequence[int]) -> dict[int, RecountSubject]:
    """Subjects by their numbers.

    Args:
        connection: to the database of the recount.
        told: the facts that are counted, as the recount wrote them.
        numbers: which subjects.
    """
    found: dict[int, tuple[str, list[RecountFact]]] = {}
    for number, subject_id, fact, counts in connection.execute(_FACTS, [list(numbers), str(told)]).fetchall():
        found.setdefault(number, (subject_id, []))[1].append(RecountFact(fact, counts))
    return {number: RecountSubject(subject_id, tuple(facts)) for number, (subject_id, facts) in found.items()}
