"""Stamps the facts of an extract with when they were recorded, so that those of a later extract replace them."""

from datetime import datetime, timedelta
from typing import cast

from msgspec.structs import replace

from facts.fact import SubjectFact
from facts.union import AnyFact
from producers.declaration import Mapping
from producers.extract import Extract


def stamped(extract: Extract, made: datetime | None) -> Extract:
    """The extract with the time of the record on each of its facts.

    Args:
        extract: the extract.
        made: when the extract was made, for rows that do not say when they were recorded; None if that is not known.
    """
    facts = (recorded(cast(SubjectFact, fact), made, extract.mapping) for fact in extract.facts)
    return replace(extract, facts=tuple(facts))


def recorded(fact: SubjectFact, made: datetime | None, mapping: Mapping) -> AnyFact:
    """A fact with the time of its record. Each revision of the mapping adds a microsecond, so that the later one counts."""
    at = fact.recorded_at or made
    stamp = None if at is None else at + timedelta(microseconds=mapping.revision)
    return cast(AnyFact, replace(fact, recorded_at=stamp))
