"""The types of a mapping, which declares how the rows of an extract become facts."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from msgspec import Meta, field

from facts.fact import Label
from facts.union import Topic
from producers.strict import Strict

Per = Literal["row", "subject"]
Pick = Literal["first", "last", "earliest", "latest", "only"]
Columns = str | tuple[str, ...]
Constant = str | bool | int

OPENINGS: dict[Topic, str] = {
    "contacts": "ContactOffered",
    "incidents": "IncidentOpened",
    "custody": "DetaineeArrived",
    "occurrences": "OccurrenceRecorded",
    "call_takers": "CallTakerSignedOn",
}
"""The fact that opens a subject, by topic."""
REFUSE = "refuse"
WHOLE_ROW = "whole_row"
ISO = "iso"
EPOCH = "epoch"
EXCEL = "excel"


class FirstIn(Strict, frozen=True, kw_only=True):
    """Which of several values a list has.

    Attributes:
        list: the JSON column that holds the list.
        values: the values to look for, in turn.
        otherwise: the value if the list has none of them; empty for no value.
    """

    list: str
    values: Annotated[tuple[str, ...], Meta(min_length=1)]
    otherwise: str = ""


class ExtractSource(Strict, frozen=True, kw_only=True):
    """The format of the extract.

    Attributes:
        format: `csv` with a header line, `json_lines` with one object per line and inner fields named with dots, or `xlsx`, an
            Excel workbook with a header row.
        sheet: name of the workbook's sheet; empty for the first.
        times: formats of its times, tried in turn: `iso`, `epoch` (seconds, milliseconds or less since 1970 in UTC), `excel`
            (days as a spreadsheet counts them), or strptime formats such as `%d/%m/%Y %H:%M`.
        times_of_day: formats of times without a date, such as `%H:%M:%S`, or `excel`; a fact's `after` gives the day.
        time_zone: IANA name of the zone of times written without one.
        repeated_hour: which of the two times is meant when the clock goes back and a local time occurs twice.
        delimiter: character between the cells of a CSV row.
        quote: character around CSV cells that contain a delimiter; empty if cells are never quoted.
        columns: column names of a CSV file without a header line.
        short_rows: how to treat a CSV row with fewer cells than the header: refuse it, or fill it with absent cells.
        record_lines: the most lines that one CSV row may span, because a quoted cell may contain line ends.
        still_seconds: how long a rotated file must stay the same size before `bluelamp tail` moves on.
        encoding: character encoding.
        absent: values that mean "not known" in any column, besides an empty cell.
        absent_in: by column, values that mean "not known" in that column.
        absent_times_of_day: by column, local times of day, such as `00:00`, that mean "not known" there whatever the date.
        first_of: a name of your own for several columns: the first that has a value counts. The name is used like a column.
        json_in: JSON columns that hold an object as text, whose members are then named with dots too.
        first_in: a name of your own for a JSON list: the first of some values that the list has. The name is used like a column.
    """

    format: Literal["csv", "json_lines", "xlsx"]
    sheet: str = ""
    times: Annotated[tuple[str, ...], Meta(min_length=1)]
    times_of_day: tuple[str, ...] = ()
    time_zone: str
    repeated_hour: Literal["first", "second", "refuse"] = "first"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Meta(max_length=1)] = '"'
    columns: tuple[str, ...] = ()
    short_rows: Literal["refuse", "fill"] = "refuse"
    record_lines: Annotated[int, Meta(ge=1, le=10_000)] = 100
    still_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 10.0
    encoding: str = "utf-8"
    absent: tuple[str, ...] = ()
    absent_in: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent_times_of_day: dict[str, tuple[str, ...]] = field(default_factory=dict)
    first_of: dict[str, Annotated[tuple[str, ...], Meta(min_length=2)]] = field(default_factory=dict)
    json_in: tuple[str, ...] = ()
    first_in: dict[str, FirstIn] = field(default_factory=dict)


class Rows(Strict, frozen=True, kw_only=True):
    """Which rows count.

    Attributes:
        key: columns that distinguish a row from the other rows of its subject.
        include: by column, the values that a row must have one of; an empty value means absent.
        exclude: by column, the values that a row must not have; an empty value means absent.
        distinct_by: rows with the same values in these columns, or in all (`whole_row`), are repeats of one row.
        later: whether a later row of a subject adds to the earlier ones or, in a source that writes the whole row again when
            something changes, replaces them. If the later row does not count, the subject has no facts.
        recorded: column, or columns, of the time at which the source recorded the row. Its facts then say so, and the row
            recorded last is the later one; without it, the last in the file.
    """

    key: tuple[str, ...] = ()
    include: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: dict[str, tuple[str, ...]] = field(default_factory=dict)
    distinct_by: tuple[str, ...] | Literal["whole_row"] = ()
    later: Literal["add", "replace"] = "add"
    recorded: Columns | None = None


class DayOf(Strict, frozen=True, kw_only=True):
    """A part of a key: the local day of a time, for numbers that begin again each day.

    Attributes:
        day_of: the column of the time, or several to join with a space.
    """

    day_of: Columns


class Condition(Strict, frozen=True, kw_only=True):
    """One test that a row must pass for a fact to have happened.

    Attributes:
        column: the column tested.
        present: whether the column must have a value (true) or none (false).
        equals: the value, or values, one of which the column must have.
        not_equals: the value, or values, that the column must not have; a column without a value passes.
        differs_from: another column; both must have a value, and the values must differ.
    """

    column: str
    present: bool | None = None
    equals: Columns | None = None
    not_equals: Columns | None = None
    differs_from: str | None = None


class JoinColumn(Strict, frozen=True, kw_only=True):
    """Rows that give a second key of their subject: both keys are then one subject, whose id is that of the row's own key.

    Attributes:
        column: the column of the second key.
        when: conditions, all of which the row must meet.
    """

    column: str
    when: tuple[Condition, ...] = ()


class Remembered(Strict, frozen=True, kw_only=True):
    """A value that a row sets for the later rows of its session, in a column that the source does not have.

    Attributes:
        column: the name of that column.
        value: the column's value from the next row on; empty for no value.
        copies: a column of the row that gives the value instead.
        when: conditions, all of which the row must meet.
    """

    column: str
    value: str = ""
    copies: str | None = None
    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]


class Session(Strict, frozen=True, kw_only=True):
    """Subjects to which the source gives no id of their own, such as call takers at work: each begins with one row of a key and ends with another.

    Attributes:
        at: the column of the row's time, or several columns that are joined with a space.
        begins: conditions, all of which a row must meet to begin a session, unless the key already has an open one.
        ends: conditions, all of which the last row of a session must meet.
        remembers: what rows set for the later rows of their session.
    """

    at: Columns
    begins: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    ends: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    remembers: tuple[Remembered, ...] = ()

    def conditions(self) -> Iterator[Condition]:
        """Every condition."""
        yield from (*self.begins, *self.ends)
        for each in self.remembers:
            yield from each.when


class SubjectColumns(Strict, frozen=True, kw_only=True):
    """The subject of a row.

    Attributes:
        key: columns, and days of times, that together identify the subject.
        prefix: text put before the key.
        digest: hash the key to make the id, for keys with characters that an id must not have. This does not pseudonymise
            the key: anyone who can guess a key can compute its digest.
        opened_within_hours: if rows open one subject further apart than this, they are about two subjects: the source has reused the key.
        join: rows that give a second key of their subject.
        session: if the source uses the same key for one subject after another, says which row begins a subject and which row ends it.
    """

    key: Annotated[tuple[str | DayOf, ...], Meta(min_length=1)]
    prefix: str = ""
    digest: bool = False
    opened_within_hours: Annotated[int, Meta(gt=0)] = 12
    join: JoinColumn | None = None
    session: Session | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the key is read from."""
        parts = (columns_of(part.day_of) if isinstance(part, DayOf) else (part,) for part in self.key)
        return tuple(column for part in parts for column in part)


class Field(Strict, frozen=True, kw_only=True):
    """Where a field of a fact comes from: columns or a constant.

    Attributes:
        column: a column, or several to join with a space (a date and a time).
        constant: a fixed value.
        values: the meaning of each value of the column; an empty value means absent.
        values_of: the name of a table of the mapping's `values`, used as this field's.
        otherwise: the meaning of a value that `values` does not list; `refuse` makes the row malformed.
        pick: for a fact per subject, which row's value counts; by default as the fact's own `pick`.
    """

    column: Columns | None = None
    constant: Constant | None = None
    values: dict[str, Constant] = field(default_factory=dict)
    values_of: str | None = None
    otherwise: Constant = REFUSE
    pick: Pick | None = None


class DeclaredFact(Strict, frozen=True, kw_only=True):
    """A fact that rows give.

    Attributes:
        fact: type of the fact.
        per: one fact for each row, or one for all the rows of a subject.
        at: column of its event time, or several to join with a space.
        after: column, or columns, of an earlier time. A time of day is then on that day or the next; a local time that
            occurs twice is the first one at or after it.
        within_seconds: the longest a time of day may come after that earlier time; a longer gap is malformed.
        tolerance_seconds: how far the clock of `at` may be behind that of `after`. A time that much before the earlier time is
            read as equal to it.
        plus: column of a duration to add to `at`, in seconds or as hours:minutes:seconds.
        separator: text between several times in the cell of `at`: each gives a fact, numbered in order.
        name: distinguishes it from another declaration of the same type; becomes part of its `fact_id`.
        pick: for a fact per subject, which row counts: `first` or `last` in the file, `earliest` or `latest` by `at`,
            or `only` if all rows must agree (the default).
        when: conditions, all of which the row must meet.
        fields: the fact's own fields.
    """

    fact: str
    per: Per
    at: Columns
    after: Columns | None = None
    within_seconds: Annotated[int, Meta(gt=0, le=86_400)] = 43_200
    tolerance_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    plus: str | None = None
    separator: Annotated[str, Meta(min_length=1)] | None = None
    name: Label | None = None
    pick: Pick | None = None
    when: tuple[Condition, ...] = ()
    fields: dict[str, Field] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name within the mapping."""
        return self.name or self.fact


class Signing(Strict, frozen=True, kw_only=True):
    """How a platform signs the requests of its webhook. The secret is a setting, and never part of a mapping.

    Attributes:
        scheme: `twilio`, or `hmac` over the body.
        header: the header that holds the signature; for `hmac`.
        algorithm: the hash of an HMAC.
        encoding: how the header writes the HMAC.
        prefix: text before the HMAC in the header.
    """

    scheme: Literal["twilio", "hmac"]
    header: str = ""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""


class Mapping(Strict, frozen=True, kw_only=True):
    """How one source system's extracts become facts.

    Attributes:
        name: name of the mapping; becomes part of every `fact_id`.
        force: name of the force's profile.
        topic: topic to publish to.
        feed: feed that the facts come from, as the profile lists it; several if the extract combines feeds.
        source: format of the extract.
        subject: the subject of a row.
        rows: which rows count.
        values: by name, tables of values that several fields use.
        facts: the facts that rows give.
        signing: how a platform signs the requests of its webhook.
        revision: raise it by one when the mapping is corrected: of two facts read from the same record, the one of the later
            revision counts.
    """

    name: Label
    force: Label
    topic: Topic
    feed: Label | Annotated[tuple[Label, ...], Meta(min_length=1)]
    source: ExtractSource
    subject: SubjectColumns
    rows: Rows = Rows()
    values: dict[str, dict[str, Constant]] = field(default_factory=dict)
    facts: Annotated[tuple[DeclaredFact, ...], Meta(min_length=1)]
    signing: Signing | None = None
    revision: Annotated[int, Meta(ge=0, le=999_999)] = 0

    @property
    def feeds(self) -> tuple[Label, ...]:
        """The feeds as a tuple."""
        return (self.feed,) if isinstance(self.feed, str) else self.feed

    @property
    def opening(self) -> str | None:
        """The fact that opens a subject of the topic; None if the mapping does not give it."""
        opening = OPENINGS[self.topic]
        return opening if any(each.fact == opening for each in self.facts) else None


def columns_of(columns: Columns | None) -> tuple[str, ...]:
    """One column, several or none, as a tuple."""
    if columns is None:
        return ()
    return (columns,) if isinstance(columns, str) else columns


def columns_used(mapping: Mapping) -> Iterator[str]:
    """The columns of the source that a mapping uses, some of them several times."""
    session = mapping.subject.session
    remembered = {each.column for each in session.remembers} if session else ()
    for column in _columns_named(mapping):
        if column not in remembered:
            yield from source_columns(mapping.source, column)


def source_columns(source: ExtractSource, column: str) -> Iterator[str]:
    """The columns of the source behind a name: those of its `first_of`, or the column itself."""
    if column not in source.first_of:
        yield column
    for each in source.first_of.get(column, ()):
        yield from source_columns(source, each)


def _columns_named(mapping: Mapping) -> Iterator[str]:
    rows, join = mapping.rows, mapping.subject.join
    yield from (*mapping.subject.columns, *rows.key, *rows.include, *rows.exclude, *columns_of(rows.recorded))
    if join:
        yield join.column
        yield from columns_tested(join.when)
    if session := mapping.subject.session:
        yield from columns_of(session.at)
        yield from columns_tested(session.conditions())
        yield from (each.copies for each in session.remembers if each.copies is not None)
    if rows.distinct_by != WHOLE_ROW:
        yield from rows.distinct_by
    for declared in mapping.facts:
        for columns in (declared.at, declared.after, declared.plus):
            yield from columns_of(columns)
        yield from columns_tested(declared.when)
        for declared_field in declared.fields.values():
            yield from columns_of(declared_field.column)


def columns_tested(conditions: Iterable[Condition]) -> Iterator[str]:
    """The columns that conditions test."""
    for condition in conditions:
        yield condition.column
        yield from columns_of(condition.differs_from)
