"""The subjects behind a figure, with all of their facts and whether each counts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct


class RecountFact(Struct, frozen=True):
    """A fact.

    Attributes:
        fact: its canonical JSON.
        counts: whether it counts: it is the last recorded fact with its id, is not corrected or withdrawn, and is not a withdrawal.
    """

    fact: str
    counts: bool


class RecountSubject(Struct, frozen=True):
    """A contact, an incident, a detention, an occurrence or a call taker.

    Attributes:
        subject_id: the subject's id in the force's system.
        facts: its facts in order of event time, then of id.
    """

    subject_id: str
    facts: tuple[RecountFact, ...]


_FACTS = """
    WITH
    wanted AS (
        SELECT subject.* FROM subject JOIN (SELECT unnest(?::BIGINT[]) AS subject) AS chosen USING (subject)
    ),
    reported AS (
        SELECT DISTINCT
            wanted.subject, wanted.subject_id, line.happened, line.canonical,
            json_extract_string(line.canonical, '$.fact_id') AS fact_id,
            json_extract_string(line.canonical, '$.recorded_at')::TIMESTAMPTZ AS recorded_at
        FROM read_csv(
            ?, delim = '\\t', quote = '', escape = '', header = false, auto_detect = false,
            columns = {'topic': 'VARCHAR', 'happened': 'BIGINT', 'about': 'VARCHAR', 'canonical': 'VARCHAR', 'number': 'BIGINT'}
        ) AS line
        JOIN wanted
            ON wanted.topic = line.topic
            AND wanted.force || ' ' || wanted.subject_id = line.about
    ),
    ranked AS (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY subject, fact_id ORDER BY recorded_at DESC NULLS LAST, happened DESC, canonical DESC
            ) = 1 AS is_latest
        FROM reported
    )
    SELECT ranked.subject, ranked.subject_id, ranked.canonical, is_latest AND counted.place IS NOT NULL AS counts
    FROM ranked
    LEFT JOIN (
        SELECT subject, fact_id, place FROM effective UNION ALL SELECT subject, fact_id, place FROM by_hand
    ) AS counted USING (subject, fact_id)
    ORDER BY ranked.subject, ranked.happened, ranked.fact_id, ranked.canonical
"""


def subjects(connection: Any, facts_file: Path, numbers: Sequence[int]) -> dict[int, RecountSubject]:
    """Subjects with their facts, by number.

    Args:
        connection: the database of the recount.
        facts_file: the file of counted facts that the recount wrote.
        numbers: the numbers of the subjects.
    """
    found: dict[int, tuple[str, list[RecountFact]]] = {}
    for number, subject_id, fact, counts in connection.execute(_FACTS, [list(numbers), str(facts_file)]).fetchall():
        found.setdefault(number, (subject_id, []))[1].append(RecountFact(fact, counts))
    return {number: RecountSubject(subject_id, tuple(facts)) for number, (subject_id, facts) in found.items()}
