"""Reading an extract: valid rows become facts; malformed rows are listed with line, column and reason, but no value."""

from pathlib import Path
from typing import TypeVar

import pytest

from facts.errors import MappingError
from facts.fact import SubjectFact
from facts.incident import IncidentClosed, IncidentOpened, UnitDispatched
from producers.extract import Extract
from producers.values import Fault
from tests.producers.extracts import GOOD_ROW, HEADER, INCIDENTS, at, read, read_rows

One = TypeVar("One")


def changed(old: str, new: str) -> str:
    assert old in INCIDENTS, "the test changes nothing"
    return INCIDENTS.replace(old, new, 1)


def one_of(extract: Extract, kind: type[One]) -> One:
    (fact,) = [fact for fact in extract.facts if isinstance(fact, kind)]
    return fact


def malformed(extract: Extract) -> list[tuple[int, str, Fault]]:
    return [(each.line, each.column, each.fault) for each in extract.malformed]


def test_a_row_becomes_facts(tmp_path: Path) -> None:
    extract = read_rows(tmp_path, GOOD_ROW)
    opened, dispatched = extract.facts
    assert isinstance(opened, IncidentOpened)
    assert isinstance(dispatched, UnitDispatched)
    assert (opened.subject_id, opened.force, opened.at) == ("i-1", "staffordshire", at("2024-12-01 09:00"))
    assert (opened.grade, opened.area, opened.group, opened.domestic) == ("1", "north", None, True)
    assert (dispatched.subject_id, dispatched.unit, dispatched.at) == ("i-1", "E1", at("2024-12-01 09:05"))
    assert extract.counts() == {"IncidentOpened": 1, "UnitDispatched": 1}
    assert (extract.rows, extract.rows_read, extract.malformed, extract.columns_empty) == (1, 1, (), ())


def test_the_same_extract_gives_the_same_facts(tmp_path: Path) -> None:
    rows = (GOOD_ROW, GOOD_ROW.replace("E1", "E2"), GOOD_ROW.replace("i-1", "i-2"))
    extract = read_rows(tmp_path, *rows)
    assert extract.facts == read_rows(tmp_path, *rows).facts
    assert len({fact.fact_id for fact in extract.facts}) == len(extract.facts) == 5


def test_another_mapping_gives_other_ids(tmp_path: Path) -> None:
    ids, others = (
        {fact.fact_id for fact in read_rows(tmp_path, GOOD_ROW, mapping=mapping).facts}
        for mapping in (INCIDENTS, changed('name = "small"', 'name = "other"'))
    )
    assert ids.isdisjoint(others)


def test_facts_are_in_order_of_event_time(tmp_path: Path) -> None:
    rows = ("i-2,E2,02/12/2024 09:00,02/12/2024 09:05,1,north,Y", GOOD_ROW)
    times = [fact.at for fact in read_rows(tmp_path, *rows).facts]
    assert times == sorted(times)
    assert len(times) == 4


@pytest.mark.parametrize(
    ("row", "column", "fault"),
    [
        (",E1,01/12/2024 09:00,,1,north,Y", "incident", "missing_value"),
        ("i-9,,01/12/2024 09:00,,1,north,Y", "unit", "missing_value"),
        ("i-9,E1,,,1,north,Y", "opened", "missing_value"),
        ("i-9,E1,NULL,,1,north,Y", "opened", "missing_value"),
        ("i-9,E1,12/31/2024 09:00,,1,north,Y", "opened", "bad_time"),
        ("i-9,E1,01/12/2024 09:00,yesterday,1,north,Y", "dispatched", "bad_time"),
        ("i-9,E1,31/03/2024 01:30,,1,north,Y", "opened", "no_such_local_time"),
        ("i-9,E1,01/12/2024 09:00,,1,north,perhaps", "domestic", "unknown_value"),
        ("i-9,E 1,01/12/2024 09:00,01/12/2024 09:05,1,north,Y", "unit", "bad_value"),
        ("i-9,E1,01/12/2024 09:00,01/12/2034 09:05,1,north,Y", "dispatched", "bad_value"),
        ("i-9,E1,01/12/2024 09:00,01/12/1984 09:05,1,north,Y", "dispatched", "bad_value"),
        ("07700900123,E1,01/12/2024 09:00,01/12/2024 09:05,1,north,Y", "incident", "bad_value"),
        ("i-9,E1,01/12/2024 09:00,,1,north", "", "ragged_row"),
        ("i-9,E1,01/12/2024 09:00,,1,north,Y,secret", "", "ragged_row"),
        ('i-9,E1,"01/12/2024" 09:00,,1,north,Y', "", "not_readable"),
        ("i-1,E1,01/12/2024 09:00,,2,south,N", "unit", "repeated_key"),
    ],
)
def test_a_malformed_row_is_listed_and_the_other_rows_are_read(
    tmp_path: Path, row: str, column: str, fault: Fault
) -> None:
    after = GOOD_ROW.replace("i-1", "i-3")
    extract = read_rows(tmp_path, GOOD_ROW, row, after)
    assert malformed(extract) == [(3, column, fault)]
    assert extract.facts == read_rows(tmp_path, GOOD_ROW, after).facts
    assert (extract.rows, extract.rows_read, extract.rows_malformed) == (3, 2, 1)
    assert extract.faults() == {fault: 1}
    for cell in row.split(","):
        assert len(cell) < 3 or cell not in str(extract.malformed[0]), "the error contains a value"


def test_invalid_bytes_make_only_their_own_row_malformed(tmp_path: Path) -> None:
    text = "\n".join((HEADER, GOOD_ROW, GOOD_ROW.replace("i-1", "i-2").replace("north", "nörd"), "")).encode("cp1252")
    extract = read(tmp_path, INCIDENTS, text)
    assert malformed(extract) == [(3, "area", "bad_encoding")]
    assert len(extract.facts) == 2


def test_invalid_bytes_in_an_unused_column_are_ignored(tmp_path: Path) -> None:
    text = f"{HEADER},remarks\n{GOOD_ROW},Caf\xe9\n".encode("cp1252")
    for mapping in (INCIDENTS, changed('key = ["unit"]', 'key = ["unit"]\ndistinct_by = "whole_row"')):
        assert read(tmp_path, mapping, text).malformed == ()


def test_the_mapping_gives_the_encoding(tmp_path: Path) -> None:
    mapping = changed('absent = ["NULL"]', 'encoding = "utf-16"')
    assert len(read(tmp_path, mapping, f"{HEADER}\n{GOOD_ROW}\n".encode("utf-16")).facts) == 2
    with pytest.raises(MappingError, match="The file is not in utf-16"):
        read(tmp_path, mapping, f"{HEADER}\n{GOOD_ROW}\n".encode())


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert len(read(tmp_path, INCIDENTS, f"\ufeff{HEADER}\r\n{GOOD_ROW}\r\n").facts) == 2


@pytest.mark.parametrize(
    "stray",
    [
        'i-2,"E2,,,1,north,Y',
        'i-2,E2,01/12/2024 09:00,,1,north,"Y',
        'i-2,E2,01/12/2024 09:00,,1,"north, east,Y',
    ],
)
@pytest.mark.parametrize(
    "later",
    [
        GOOD_ROW.replace("i-1", "i-4"),
        GOOD_ROW.replace("i-1", "i-4").replace("north", '"north"'),
        # A second stray quote, which would close the first: the rows in between are rows all the same.
        GOOD_ROW.replace("i-1", "i-4").replace("north", '"north'),
        GOOD_ROW.replace("i-1", "i-4").replace(",Y", ',Y"'),
    ],
)
@pytest.mark.parametrize("rows_after", [0, 1, 150])
def test_a_stray_quote_costs_its_own_row(tmp_path: Path, stray: str, later: str, rows_after: int) -> None:
    between = [GOOD_ROW.replace("i-1", "i-3"), later]
    rows = [GOOD_ROW.replace("i-1", f"i-{index}").replace("E1", "E9") for index in range(10, 10 + rows_after)]
    extract = read_rows(tmp_path, GOOD_ROW, stray, *between, *rows)
    subjects = {getattr(fact, "subject_id", "") for fact in extract.facts}
    lost = {"i-2"} | ({"i-4"} if later.count('"') == 1 else set())
    assert {"i-1", "i-3", "i-4", *(f"i-{index}" for index in range(10, 10 + rows_after))} - lost == subjects
    assert extract.rows_malformed == len(lost)
    assert (extract.malformed[0].line, extract.malformed[0].fault) == (3, "not_readable")


def test_a_row_may_span_as_many_lines_as_the_mapping_says(tmp_path: Path) -> None:
    rows = [GOOD_ROW.replace(",Y", ',"' + "\n" * 4 + 'Y"'), GOOD_ROW.replace("i-1", "i-2")]
    assert read_rows(tmp_path, *rows).rows_malformed == 0
    short = read_rows(tmp_path, *rows, mapping=changed('absent = ["NULL"]', "record_lines = 4"))
    assert (short.malformed[0].line, short.malformed[0].fault) == (2, "not_readable")
    assert "within 4 lines" in short.malformed[0].what
    assert {getattr(fact, "subject_id", "") for fact in short.facts} == {"i-2"}


SELECTING = changed('key = ["unit"]', 'key = ["unit"]\ninclude.incident = ["i-1"]')


@pytest.mark.parametrize(
    ("row", "excluded", "faults"),
    [
        ("other,E1,01/12/2024 09:00,,1,north,Y,more,cells", 1, []),
        ("other,E1,01/12/2024 09:00", 1, []),
        ("i-1,E2,01/12/2024 09:00,,1,north,Y,more", 0, ["ragged_row"]),
        ("i-1,E2,01/12/2024 09:00", 0, ["ragged_row"]),
        ("i-1,E2,01/12/2024 09:00,,1,north,Y,", 0, []),
        ("i-1,E2,01/12/2024 09:00,,1,north,Y, ,", 0, []),
    ],
)
def test_the_number_of_cells_is_judged_after_the_row_is_selected(
    tmp_path: Path, row: str, excluded: int, faults: list[Fault]
) -> None:
    extract = read_rows(tmp_path, GOOD_ROW, row, mapping=SELECTING)
    assert (extract.rows_excluded, [each.fault for each in extract.malformed]) == (excluded, faults)
    assert extract.counts()["IncidentOpened"] == 1


def test_a_row_too_short_to_be_selected_is_malformed(tmp_path: Path) -> None:
    mapping = changed('key = ["unit"]', 'key = ["unit"]\nexclude.domestic = ["N"]')
    extract = read_rows(tmp_path, GOOD_ROW, "i-2,E2,01/12/2024 09:00", mapping=mapping)
    assert [each.fault for each in extract.malformed] == ["ragged_row"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_last_row_needs_no_line_end_in_any_encoding(tmp_path: Path, encoding: str, end: str) -> None:
    declared = "utf-16" if encoding.startswith("utf-16") else encoding
    mapping = changed('absent = ["NULL"]', f'encoding = "{declared}"').replace(
        'area = { column = "area" }', 'area = { column = "area", values = { "nörd" = "north" } }'
    )
    text = f"{HEADER}\r\n{GOOD_ROW.replace('north', 'nörd')}{end}"
    extract = read(tmp_path, mapping, text.encode(encoding))
    assert (extract.malformed, one_of(extract, IncidentOpened).area) == ((), "north")


def test_a_file_cut_within_a_letter_loses_only_its_last_row(tmp_path: Path) -> None:
    mapping = changed('absent = ["NULL"]', 'encoding = "utf-16"')
    whole = f"{HEADER}\n{GOOD_ROW}\n{GOOD_ROW.replace('i-1', 'i-2')}".encode("utf-16")
    extract = read(tmp_path, mapping, whole[:-1])
    assert ([(each.line, each.fault) for each in extract.malformed], len(extract.facts)) == ([(3, "bad_encoding")], 2)


@pytest.mark.parametrize(
    ("declared", "written", "what"),
    [
        ("utf-8", "utf-16", "byte order mark of utf-16"),
        ("cp1252", "utf-8-sig", "byte order mark of utf-8"),
        ("utf-8", "utf-16-le", "zero bytes"),
        ("utf-16", "utf-8", "not in utf-16"),
    ],
)
def test_a_wrong_encoding_is_reported_with_the_right_one(
    tmp_path: Path, declared: str, written: str, what: str
) -> None:
    mapping = changed('absent = ["NULL"]', f'encoding = "{declared}"')
    with pytest.raises(MappingError, match=what) as caught:
        read(tmp_path, mapping, f"{HEADER}\n{GOOD_ROW}\n".encode(written))
    assert "encoding" in caught.value.hint


@pytest.mark.parametrize(("delimiter", "written"), [(";", '";"'), ("\t", '"\\t"'), ("|", '"|"')])
def test_a_wrong_delimiter_is_reported_as_such(tmp_path: Path, delimiter: str, written: str) -> None:
    with pytest.raises(MappingError, match="are separated by") as caught:
        read(tmp_path, INCIDENTS, f"{HEADER}\n{GOOD_ROW}\n".replace(",", delimiter))
    assert f"delimiter = {written}" in caught.value.hint


def test_a_line_feed_within_quotes_does_not_end_the_row_and_line_numbers_stay_right(tmp_path: Path) -> None:
    two_lines = GOOD_ROW.replace("north", '"no\nrth"').replace("i-1", "i-2")
    extract = read_rows(tmp_path, two_lines, "i-3,E1,bad,,1,north,Y")
    assert malformed(extract) == [(2, "area", "bad_value"), (4, "opened", "bad_time")]


def test_an_empty_line_is_not_a_row(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "", GOOD_ROW, "").rows == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "The extract is empty"),
        (HEADER.replace("grade", "Grade"), "no column 'grade'"),
        (f"{HEADER},unit", "the column 'unit' more than once"),
        (GOOD_ROW, "no column"),
    ],
)
def test_a_file_that_does_not_fit_the_mapping_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(MappingError, match=what) as caught:
        read(tmp_path, INCIDENTS, text)
    assert caught.value.where.startswith("extract.txt")
    assert "north" not in str(caught.value), "the error quotes the first row of a file without a header"


def test_times_without_a_zone_are_local(tmp_path: Path) -> None:
    summer = read_rows(tmp_path, "i-1,E1,01/07/2024 09:00,2024-07-01T09:05:00+02:00,1,north,Y")
    assert [fact.at for fact in summer.facts] == [at("2024-07-01 07:05"), at("2024-07-01 08:00")]


@pytest.mark.parametrize(("meaning", "hour"), [("first", 0), ("second", 1)])
def test_the_mapping_decides_which_of_two_repeated_times_is_meant(tmp_path: Path, meaning: str, hour: int) -> None:
    mapping = changed('absent = ["NULL"]', f'repeated_hour = "{meaning}"')
    extract = read_rows(tmp_path, "i-1,E1,27/10/2024 01:30,,1,north,Y", mapping=mapping)
    assert one_of(extract, IncidentOpened).at == at(f"2024-10-27 0{hour}:30")


def test_a_repeated_time_may_be_refused(tmp_path: Path) -> None:
    mapping = changed('absent = ["NULL"]', 'repeated_hour = "refuse"')
    rows = ("i-1,E1,27/10/2024 01:30,,1,north,Y", "i-2,E1,27/10/2024 02:30,,1,north,Y")
    extract = read_rows(tmp_path, *rows, mapping=mapping)
    assert malformed(extract) == [(2, "opened", "repeated_local_time")]
    assert one_of(extract, IncidentOpened).subject_id == "i-2"


def test_a_date_and_a_time_in_two_columns_are_joined(tmp_path: Path) -> None:
    mapping = changed('at = "opened"', 'at = ["opened", "dispatched"]').replace("%d/%m/%Y %H:%M", "%d/%m/%Y %H.%M")
    mapping = mapping.replace("present = true", 'equals = "never"')
    extract = read_rows(tmp_path, "i-1,E1,01/12/2024,09.00,1,north,Y", mapping=mapping)
    assert one_of(extract, IncidentOpened).at == at("2024-12-01 09:00")


def test_a_field_with_an_absent_value_is_left_out(tmp_path: Path) -> None:
    opened = one_of(read_rows(tmp_path, "i-1,E1,01/12/2024 09:00,,1,NULL,  "), IncidentOpened)
    assert (opened.area, opened.domestic) == (None, False)


def test_empty_columns_are_listed(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "i-1,E1,01/12/2024 09:00,,1,NULL,").columns_empty == ("area", "dispatched", "domestic")


def test_values_may_have_a_default_and_an_empty_value_means_absent(tmp_path: Path) -> None:
    mapping = changed(
        'area = { column = "area" }',
        'area = { column = "area", values = { "N" = "north", "" = "nowhere" }, otherwise = "elsewhere" }',
    )
    rows = [f"i-{area or 0},E1,01/12/2024 09:00,,1,{area},Y" for area in ("N", "", "S")]
    areas = [
        fact.area for fact in read_rows(tmp_path, *rows, mapping=mapping).facts if isinstance(fact, IncidentOpened)
    ]
    assert areas == ["north", "nowhere", "elsewhere"]


def test_a_constant_is_the_same_in_every_row(tmp_path: Path) -> None:
    mapping = changed('area = { column = "area" }', 'area = { constant = "all" }')
    assert one_of(read_rows(tmp_path, GOOD_ROW, mapping=mapping), IncidentOpened).area == "all"


def test_rows_are_included_and_excluded_by_value(tmp_path: Path) -> None:
    mapping = changed('key = ["unit"]', 'key = ["unit"]\ninclude.area = ["north", "south"]\nexclude.grade = ["9", "8"]')
    rows = [
        f"i-{area}-{grade},E1,01/12/2024 09:00,,{grade},{area},Y" for area in ("north", "", "west") for grade in "189"
    ]
    extract = read_rows(tmp_path, *rows, mapping=mapping)
    assert one_of(extract, IncidentOpened).subject_id == "i-north-1"
    assert (extract.rows, extract.rows_read, extract.rows_excluded, extract.rows_malformed) == (9, 1, 8, 0)


@pytest.mark.parametrize(("distinct_by", "repeated"), [('"whole_row"', 1), ('["incident", "unit"]', 2)])
def test_a_repeated_row_counts_once(tmp_path: Path, distinct_by: str, repeated: int) -> None:
    mapping = changed('key = ["unit"]', f'key = ["unit"]\ndistinct_by = {distinct_by}')
    extract = read_rows(tmp_path, GOOD_ROW, GOOD_ROW, GOOD_ROW.replace("north", "south"), mapping=mapping)
    assert extract.rows_repeated == repeated
    assert extract.rows_read + extract.rows_malformed == 3 - repeated
    assert len(extract.facts) == 2


@pytest.mark.parametrize("distinct_by", ["[]", '["incident", "unit"]'])
def test_a_malformed_row_does_not_block_its_corrected_copy(tmp_path: Path, distinct_by: str) -> None:
    mapping = changed('key = ["unit"]', f'key = ["unit"]\ndistinct_by = {distinct_by}')
    extract = read_rows(tmp_path, GOOD_ROW.replace("09:05", "29:05"), GOOD_ROW, mapping=mapping)
    assert [(each.line, each.fault) for each in extract.malformed] == [(2, "bad_time")]
    assert extract.counts() == {"IncidentOpened": 1, "UnitDispatched": 1}


def test_a_row_must_meet_all_conditions(tmp_path: Path) -> None:
    condition = '{ column = "grade", differs_from = "area" }, { column = "grade", equals = ["1", "2"] }'
    mapping = changed('{ column = "dispatched", present = true }', condition)
    cells = [("1", "north"), ("1", "1"), ("3", "north"), ("1", ""), ("2", "x")]
    rows = [f"i-{index},E1,01/12/2024 09:00,01/12/2024 09:05,{a},{b},Y" for index, (a, b) in enumerate(cells)]
    extract = read_rows(tmp_path, *rows, mapping=mapping)
    assert [fact.subject_id for fact in extract.facts if isinstance(fact, UnitDispatched)] == ["i-0", "i-4"]


def test_a_condition_may_require_an_absent_value(tmp_path: Path) -> None:
    mapping = changed("present = true", "present = false").replace('at = "dispatched"', 'at = "opened"')
    extract = read_rows(tmp_path, GOOD_ROW, "i-2,E1,01/12/2024 09:00,,1,north,Y", mapping=mapping)
    assert one_of(extract, UnitDispatched).subject_id == "i-2"


def test_a_key_may_have_a_prefix_several_columns_or_a_digest(tmp_path: Path) -> None:
    plain = changed('key = ["incident"]', 'key = ["incident", "grade"]\nprefix = "sx-"')
    assert one_of(read_rows(tmp_path, GOOD_ROW, mapping=plain), IncidentOpened).subject_id == "sx-i-1-1"
    digest = changed('key = ["incident"]', 'key = ["incident"]\nprefix = "sx-"\ndigest = true')
    row = GOOD_ROW.replace("i-1", "INC 2024/0001")
    first, again = (one_of(read_rows(tmp_path, row, mapping=digest), IncidentOpened).subject_id for _ in range(2))
    assert first == again
    assert first.startswith("sx-")
    assert "2024" not in first.removeprefix("sx-")[:5]


CLOSED = """
[[facts]]
fact = "IncidentClosed"
per = "subject"
at = "dispatched"
pick = "PICK"
when = [{ column = "dispatched", present = true }]
[facts.fields.result]
column = "area"
otherwise = "other"
[facts.fields.result.values]
"a" = "attended"
"c" = "cancelled"
"d" = "duplicate"
"""


@pytest.mark.parametrize(
    ("pick", "minute", "result"),
    [("first", 20, "attended"), ("last", 10, "duplicate"), ("earliest", 10, "duplicate"), ("latest", 30, "cancelled")],
)
def test_pick_decides_which_row_gives_a_fact(tmp_path: Path, pick: str, minute: int, result: str) -> None:
    mapping = INCIDENTS.replace('area = { column = "area" }\n', "") + CLOSED.replace("PICK", pick)
    rows = [
        f"i-1,E{unit},01/12/2024 09:00,01/12/2024 09:{minute},1,{area},Y"
        for unit, (minute, area) in enumerate([(20, "a"), (30, "c"), (10, "d")])
    ]
    closed = one_of(read_rows(tmp_path, *rows, mapping=mapping), IncidentClosed)
    assert (closed.at, closed.result) == (at(f"2024-12-01 09:{minute}"), result)


def test_a_field_may_have_its_own_pick(tmp_path: Path) -> None:
    mapping = INCIDENTS.replace('area = { column = "area" }\n', "")
    mapping += CLOSED.replace("PICK", "latest").replace('otherwise = "other"', 'otherwise = "other"\npick = "first"')
    rows = [
        f"i-1,E{unit},01/12/2024 09:00,01/12/2024 09:{minute},1,{area},Y"
        for unit, (minute, area) in enumerate([(20, "a"), (30, "c")])
    ]
    closed = one_of(read_rows(tmp_path, *rows, mapping=mapping), IncidentClosed)
    assert (closed.at, closed.result) == (at("2024-12-01 09:30"), "attended")


def test_a_subject_whose_rows_disagree_gives_no_facts_and_its_rows_are_counted(tmp_path: Path) -> None:
    """A unit sent to an incident that was never opened would be half a report."""
    other = GOOD_ROW.replace("i-1", "i-2")
    extract = read_rows(tmp_path, GOOD_ROW, GOOD_ROW.replace("E1", "E2").replace("north", "south"), other)
    assert malformed(extract) == [(3, "area", "rows_disagree")]
    assert "line 2" in extract.malformed[0].what
    assert "the 2 rows of its subject give no facts" in str(extract.malformed[0])
    assert {getattr(fact, "subject_id", "") for fact in extract.facts} == {"i-2"}
    assert (extract.rows_read, extract.rows_malformed, extract.faults()) == (1, 2, {"rows_disagree": 2})


def test_an_absent_value_agrees_with_any_value(tmp_path: Path) -> None:
    extract = read_rows(tmp_path, GOOD_ROW.replace("north", ""), GOOD_ROW.replace("E1", "E2"))
    assert one_of(extract, IncidentOpened).area == "north"


def test_a_fact_per_subject_without_a_required_field_is_listed(tmp_path: Path) -> None:
    extract = read_rows(tmp_path, "i-1,E1,01/12/2024 09:00,01/12/2024 09:05,,north,Y")
    assert malformed(extract) == [(2, "grade", "missing_value")]
    assert extract.counts() == {"IncidentOpened": 0, "UnitDispatched": 0}


CUSTODY = """
name = "suite"
force = "staffordshire"
topic = "custody"
feed = "custody"
source = { format = "csv", times = ["%d/%m/%Y %H:%M"], time_zone = "Europe/London" }
subject = { key = ["No"] }
[[facts]]
fact = "DetaineeArrived"
per = "subject"
at = "Arrived"
pick = "last"
fields = { suite = { constant = "north" }, child = { constant = false }, relevant_time = { column = "Relevant" } }
[[facts]]
fact = "DetentionEnded"
per = "subject"
at = "Released"
pick = "last"
when = [{ column = "Released", present = true }]
fields = { disposal = { constant = "charged" } }
"""
ARRIVAL = "r-1,29/11/2024 09:00,29/11/2024 09:00"


@pytest.mark.parametrize(
    ("rows", "refused", "given"),
    [
        # Released in 1899, as systems write "unknown": without the row's refusal nobody would ever be released.
        ([f"{ARRIVAL},30/12/1899 00:00"], [(2, "Released", "bad_value")], []),
        ([f"{ARRIVAL},29/11/2034 12:00"], [(2, "Released", "bad_value")], []),
        (["r-1,29/11/2024 09:00,01/01/1900 00:00,29/11/2024 12:00"], [(2, "Relevant", "bad_value")], []),
        # Another row of the subject is still read, and so are other subjects.
        (
            [f"{ARRIVAL},", f"{ARRIVAL},30/12/1899 00:00", f"{ARRIVAL.replace('r-1', 'r-2')},29/11/2024 12:00"],
            [(3, "Released", "bad_value")],
            ["r-1 DetaineeArrived", "r-2 DetaineeArrived", "r-2 DetentionEnded"],
        ),
    ],
)
def test_a_row_with_one_impossible_time_gives_no_facts_at_all(
    tmp_path: Path, rows: list[str], refused: list[tuple[int, str, Fault]], given: list[str]
) -> None:
    extract = read(tmp_path, CUSTODY, "\n".join(("No,Arrived,Relevant,Released", *rows, "")))
    assert malformed(extract) == refused
    assert sorted(f"{getattr(fact, 'subject_id', '')} {type(fact).__name__}" for fact in extract.facts) == given
    assert (extract.rows, extract.rows_malformed) == (len(rows), 1)


def test_a_malformed_row_gives_no_facts(tmp_path: Path) -> None:
    """Half a row would mislead, as with a unit that arrived but was never sent."""
    extract = read_rows(tmp_path, GOOD_ROW.replace(",Y", ",perhaps"))
    assert extract.facts == ()


def test_every_fact_has_a_subject_and_the_force(tmp_path: Path) -> None:
    for fact in read_rows(tmp_path, GOOD_ROW).facts:
        assert isinstance(fact, SubjectFact)
        assert fact.force == "staffordshire"


_CORRECTED = """
name = "corrected"
force = "staffordshire"
topic = "incidents"
feed = "dispatch"
[source]
format = "csv"
times = ["iso"]
time_zone = "UTC"
[subject]
key = ["Incident"]
[rows]
later = "replace"
recorded = "InsertDate"
[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "Opened"
[facts.fields]
grade = { constant = "1" }
[[facts]]
fact = "IncidentClosed"
per = "subject"
at = "Closed"
when = [{ column = "Closed", present = true }]
[facts.fields]
result = { column = "Result" }
"""
_CORRECTED_HEADER = "Incident,Opened,Closed,Result,InsertDate"


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_row_recorded_last_replaces_the_others_wherever_it_is_in_the_file(
    tmp_path: Path, is_reversed: bool
) -> None:
    rows = [
        "D1,2024-11-28 10:00,2024-11-28 11:00,attended,2024-11-28 11:05",
        "D1,2024-11-28 10:00,2024-11-28 11:00,cancelled,2024-11-29 02:00",
        "D2,2024-11-28 12:00,2024-11-28 12:30,attended,2024-11-28 12:31",
        "D2,2024-11-28 12:00,,,2024-11-29 02:00",
    ]
    text = "\n".join((_CORRECTED_HEADER, *(reversed(rows) if is_reversed else rows))) + "\n"
    extract = read(tmp_path, _CORRECTED, text)
    closed = one_of(extract, IncidentClosed)
    assert (closed.subject_id, closed.result, closed.recorded_at) == ("D1", "cancelled", at("2024-11-29 02:00"))
    assert {fact.recorded_at for fact in extract.facts if isinstance(fact, IncidentOpened)} == {at("2024-11-29 02:00")}
    assert (extract.rows_read, extract.rows_replaced) == (2, 2)


def test_a_row_recorded_in_the_future_is_malformed(tmp_path: Path) -> None:
    row = "D1,2024-11-28 10:00,2024-11-28 11:00,attended,2034-11-28 11:05"
    extract = read(tmp_path, _CORRECTED, f"{_CORRECTED_HEADER}\n{row}\n")
    assert malformed(extract) == [(2, "InsertDate", "bad_value")]
