"""A question to the recount, and the SQL that selects its outcomes and open items."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from bluelamp.recount.interval import LiveInterval, Report
from bluelamp.recount.statements import rows_of
from facts.errors import QuestionError
from measures.measure import DATE_DIMENSIONS, Measure, Selection, Where
from measures.outcome import KINDS

Sql = tuple[str, list[object]]
"""A query and its parameters, in order."""

# Dimensions without a column of their own; `chosen` is the table of outcomes.
_DERIVED = {
    "response": """coalesce(
        (SELECT response FROM grade WHERE grade.force = chosen.force AND grade.grade = chosen.grade), 'unlisted')""",
    "online_home": """coalesce(
        (SELECT online_home FROM channel WHERE channel.force = chosen.force AND channel.channel = chosen.channel),
        'unlisted')""",
    "family": """coalesce(
        (
            SELECT family FROM occurrence_type
            WHERE occurrence_type.force = chosen.force AND occurrence_type.type = chosen.type
        ),
        'unlisted')""",
    "day": "strftime(chosen.day, '%Y-%m-%d')",
    "month": "strftime(chosen.day, '%Y-%m')",
}


class RecountQuestion(Struct, frozen=True, kw_only=True):
    """A question to the recount.

    Attributes:
        connection: the database with the tables of outcomes.
        measure: the measure.
        force: the force.
        interval: the time span; None for open items, which are as of now.
        as_of: the time of the question, in microseconds since 1970 in UTC.
        by: the dimensions to break it down by.
        where: the labels to filter by, for each dimension, in addition to the measure's own.
    """

    connection: Any
    measure: Measure
    force: str
    interval: LiveInterval | Report | None
    as_of: int
    by: tuple[str, ...]
    where: Where

    def rows(self, sql: Sql) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return rows_of(self.connection, *sql)

    def words(self, key: str) -> dict[str, str]:
        """The labels of a key, by dimension."""
        return dict(zip(self.by, key.split("/"), strict=True)) if self.by else {}


def check(question: RecountQuestion) -> None:
    """Refuse dimensions that the question cannot use.

    Raises:
        QuestionError: names the dimension.
    """
    for part, names in (("by", question.by), ("where", question.where)):
        for name in names:
            question.measure.check_dimension(name, part)
            if name in DATE_DIMENSIONS and not isinstance(question.interval, Report):
                what = f"The dimension {name!r} is only available in report windows."
                raise QuestionError(what, where=part, hint="Use a report window, such as 12m or FROM/TO.")


def finished(question: RecountQuestion, selections: Iterable[Selection]) -> Sql:
    """The outcomes of a question: `key`, which is its labels separated by slashes, and `value`."""
    return _all_of(_finished(question, selection) for selection in selections)


def decided(question: RecountQuestion, selection: Selection) -> Sql:
    """The outcomes of a question and its overdue open items, which count as missed with the value 0."""
    return _all_of((_finished(question, selection), _overdue(question, selection)))


def open_items(question: RecountQuestion, selection: Selection) -> Sql:
    """The open items of a question: `key`, `age_microseconds`, and `left_microseconds` until each is due."""
    key = f"{key_words(question)} AS key"
    columns = f"{key}, ? - chosen.since AS age_microseconds, chosen.due - ? AS left_microseconds"
    text, values = chosen(question, selection, "open", columns, ("true", []))
    return text, [question.as_of, question.as_of, *values]


def _finished(question: RecountQuestion, selection: Selection) -> Sql:
    return chosen(question, selection, "finished", f"{key_words(question)} AS key, value", within(question, "decided"))


def _overdue(question: RecountQuestion, selection: Selection) -> Sql:
    condition, values = within(question, "due")
    overdue = (f"{condition} AND chosen.due <= ?", [*values, question.as_of])
    return chosen(question, selection, "open", f"{key_words(question)} AS key, 0 AS value", overdue)


def never_ended(question: RecountQuestion, selection: Selection) -> Sql:
    """The key of each item that fell due in the window and whose end counts as unrecorded."""
    condition, values = within(question, "due")
    fell_due = (f"{condition} AND chosen.due <= ?", [*values, question.as_of])
    return chosen(question, selection, "open", f"{key_words(question)} AS key", fell_due, is_open=False)


def lost_ends(question: RecountQuestion, selection: Selection) -> Sql:
    """The key of each item whose end came to count as unrecorded (in report windows: that began) in the window."""
    columns = f"{key_words(question)} AS key"
    return chosen(question, selection, "open", columns, within(question, "unrecorded_from"), is_open=False)


def within(question: RecountQuestion, moment: str) -> Sql:
    """The condition of the window: a time of the outcome for live windows, the local day of its subject for report windows."""
    column = moment if isinstance(question.interval, LiveInterval) else "day"
    return f"chosen.{column} >= ? AND chosen.{column} < ?", list(question.interval or ())


def chosen(
    question: RecountQuestion,
    selection: Selection,
    table: str,
    columns: str,
    condition: Sql,
    *,
    is_open: bool = True,
) -> Sql:
    """Columns of the outcomes or open items of a question, from the table `finished` or `open`, which is named `chosen`.

    Of the open items, those that are still open, or else only those whose end counts as unrecorded.
    """
    kind = KINDS[selection.kind]
    conditions: list[Sql] = [("chosen.kind = ? AND chosen.force = ?", [kind.name, question.force]), condition]
    if table == "open":
        # From then on an item is not open: nobody knows when it ended.
        is_lost = "coalesce(chosen.unrecorded_from <= ?, false)"
        conditions.append((f"NOT {is_lost}" if is_open else is_lost, [question.as_of]))
    for where in (question.measure.where, selection.where, question.where):
        conditions += [(f"list_contains(?::VARCHAR[], {_word(name)})", [list(words)]) for name, words in where.items()]
    condition_text = " AND ".join(text for text, _ in conditions)
    # Names come from the catalogue and were checked; anything that a person typed is a parameter.
    text = f"SELECT {columns} FROM {kind.topic}_{table} AS chosen WHERE {condition_text}"  # noqa: S608
    return text, [value for _, values in conditions for value in values]


def _all_of(queries: Iterable[Sql]) -> Sql:
    texts, values = zip(*queries, strict=True)
    return " UNION ALL ".join(texts), [value for of_query in values for value in of_query]


def key_words(question: RecountQuestion) -> str:
    """The labels of an outcome as one text, separated by slashes. No label contains a slash."""
    return f"concat_ws('/', {', '.join(_word(name) for name in question.by)})" if question.by else "''"


def _word(dimension: str) -> str:
    return _DERIVED.get(dimension, f'chosen."{dimension}"')
