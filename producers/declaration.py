"""Declared mappings: how the rows of a source system's extract become facts, as data and not as code."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from facts.fact import Label
from facts.union import Topic

Per = Literal["row", "subject"]
Pick = Literal["first", "last", "earliest", "latest", "only"]
Columns = str | tuple[str, ...]
Constant = str | bool | int

REFUSE = "refuse"
WHOLE_ROW = "whole_row"
ISO = "iso"
EPOCH = "epoch"


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a mapping; unknown keys are refused, so that a misspelt one is reported and not ignored."""


class ExtractSource(_Part, frozen=True, kw_only=True):
    """How the extract is written.

    Attributes:
        format: `csv` with a header line, or `json_lines`: one object a line, inner fields named with dots.
        times: the formats of its times, tried in turn: `iso`, `epoch` (seconds since 1970 in UTC), or strptime formats
            such as `%d/%m/%Y %H:%M`.
        times_of_day: the formats of times without a date, such as `%H:%M:%S`; a fact's `after` says the day.
        time_zone: IANA name, for times written without a zone.
        repeated_hour: which one is meant when the clock goes back and a local time comes twice.
        delimiter: between the cells of a CSV row.
        quote: around a CSV cell that holds a delimiter; empty where cells are never quoted.
        columns: names of the columns of a CSV file that has no header line.
        short_rows: what a CSV row with fewer cells than the header is: malformed, or one whose last cells are absent.
        encoding: of its characters.
        absent: what stands for "not known" in any column, beside an empty cell.
        absent_in: by column, what stands for "not known" there.
    """

    format: Literal["csv", "json_lines"]
    times: Annotated[tuple[str, ...], Meta(min_length=1)]
    times_of_day: tuple[str, ...] = ()
    time_zone: str
    repeated_hour: Literal["first", "second", "refuse"] = "first"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Meta(max_length=1)] = '"'
    columns: tuple[str, ...] = ()
    short_rows: Literal["refuse", "fill"] = "refuse"
    encoding: str = "utf-8"
    absent: tuple[str, ...] = ()
    absent_in: dict[str, tuple[str, ...]] = {}


class Rows(_Part, frozen=True, kw_only=True):
    """Which rows count.

    Attributes:
        key: the columns that tell a row from the others of its subject.
        include: by column, the values of which a row must have one; the empty one stands for absent.
        exclude: by column, the values of which a row may have none; likewise.
        distinct_by: rows that agree in these columns, or wholly (`whole_row`), are one row told again.
    """

    key: tuple[str, ...] = ()
    include: dict[str, tuple[str, ...]] = {}
    exclude: dict[str, tuple[str, ...]] = {}
    distinct_by: tuple[str, ...] | Literal["whole_row"] = ()


class SubjectColumns(_Part, frozen=True, kw_only=True):
    """What a row is about.

    Attributes:
        key: the columns that identify the subject.
        prefix: put before the key.
        digest: make the id by hashing the key: for keys with characters that an id may not have. A key that can be
            guessed can be found again from its digest; this is no pseudonym.
    """

    key: Annotated[tuple[str, ...], Meta(min_length=1)]
    prefix: str = ""
    digest: bool = False


class Condition(_Part, frozen=True, kw_only=True):
    """What must hold in a row for a fact to have happened; one test each.

    Attributes:
        column: the column looked at.
        present: it has a value (true), or has none (false).
        equals: it has this value, or one of these.
        differs_from: both columns have a value, and not the same.
    """

    column: str
    present: bool | None = None
    equals: Columns | None = None
    differs_from: str | None = None


class Field(_Part, frozen=True, kw_only=True):
    """Where a field of a fact comes from: columns or a constant.

    Attributes:
        column: a column, or several to be joined by a space (a date and a time).
        constant: the same value always.
        values: what each value of the column means; the empty one stands for absent.
        otherwise: what a value means that `values` does not list; `refuse` makes the row malformed.
        pick: for a fact per subject, which row's value counts; as the fact's own unless given.
    """

    column: Columns | None = None
    constant: Constant | None = None
    values: dict[str, Constant] = {}
    otherwise: Constant = REFUSE
    pick: Pick | None = None


class DeclaredFact(_Part, frozen=True, kw_only=True):
    """One fact that rows tell.

    Attributes:
        fact: which fact.
        per: told by each row, or once per subject by all its rows together.
        at: the column of its event time, or several to be joined by a space.
        after: the column, or columns, of a time that it came after. A time of day is then of that day or the next; of a
            local time that came twice it is the first one not before that.
        within_seconds: how long after that a time of day can be; one that would be longer is malformed.
        plus: the column of a duration to be added to `at`, in seconds or as hours:minutes:seconds.
        name: tells it from another declaration of the same fact; part of its `fact_id`.
        pick: for a fact per subject, which row counts: `first` or `last` in the file, `earliest` or `latest` by `at`,
            or `only` where all must agree (the default).
        when: conditions, all of which must hold in the row.
        fields: the fact's own fields.
    """

    fact: str
    per: Per
    at: Columns
    after: Columns | None = None
    within_seconds: Annotated[int, Meta(gt=0, le=86_400)] = 43_200
    plus: str | None = None
    name: Label | None = None
    pick: Pick | None = None
    when: tuple[Condition, ...] = ()
    fields: dict[str, Field] = {}

    @property
    def label(self) -> str:
        """What it is called within its mapping."""
        return self.name or self.fact


class Mapping(_Part, frozen=True, kw_only=True):
    """How one source system's extracts become facts.

    Attributes:
        name: of the mapping; part of every `fact_id`.
        force: whose facts they are, as its profile is named.
        topic: where they travel.
        feed: in whose name they are told, as the profile lists it; several where the extract holds what several tell.
        source: how the extract is written.
        subject: what a row is about.
        rows: which rows count.
        facts: what rows tell.
    """

    name: Label
    force: Label
    topic: Topic
    feed: Label | Annotated[tuple[Label, ...], Meta(min_length=1)]
    source: ExtractSource
    subject: SubjectColumns
    rows: Rows = Rows()
    facts: Annotated[tuple[DeclaredFact, ...], Meta(min_length=1)]

    @property
    def feeds(self) -> tuple[Label, ...]:
        """In whose names they are told."""
        return (self.feed,) if isinstance(self.feed, str) else self.feed


def columns_of(columns: Columns | None) -> tuple[str, ...]:
    """One column, several or none, as a tuple."""
    if columns is None:
        return ()
    return (columns,) if isinstance(columns, str) else columns


def columns_used(mapping: Mapping) -> Iterator[str]:
    """The columns a mapping names; one may come several times."""
    rows = mapping.rows
    yield from (*mapping.subject.key, *rows.key, *rows.include, *rows.exclude)
    if rows.distinct_by != WHOLE_ROW:
        yield from rows.distinct_by
    for declared in mapping.facts:
        for columns in (declared.at, declared.after, declared.plus):
            yield from columns_of(columns)
        for condition in declared.when:
            yield condition.column
            yield from columns_of(condition.differs_from)
        for field in declared.fields.values():
            yield from columns_of(field.column)
