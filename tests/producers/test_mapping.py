"""An invalid mapping is refused before any extract is opened, with the place of the fault and what to do."""

import tomllib
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from bluelamp.derive import mapping_schema
from facts.errors import MappingError
from producers.mapping import load_mapping
from producers.packaged import mapping_names, packaged_mapping, packaged_sample, sample_names
from producers.shape import FACTS_BY_NAME, fields_of
from tests.producers.extracts import INCIDENTS


def refusal(mapping: str) -> MappingError:
    with pytest.raises(MappingError) as caught:
        load_mapping(mapping, "small.toml")
    assert caught.value.hint
    return caught.value


def changed(old: str, new: str) -> str:
    assert old in INCIDENTS, "the test changes nothing"
    return INCIDENTS.replace(old, new, 1)


def test_the_small_mapping_is_valid() -> None:
    assert load_mapping(INCIDENTS, "small.toml").name == "small"


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('name = "small"', 'name = "small', "small.toml", "This is not TOML"),
        ('name = "small"', 'nome = "small"', "$", "unknown field `nome`"),
        ('name = "small"', 'name = "a name"', "$.name", "matching regex"),
        ('topic = "incidents"', 'topic = "calls"', "$.topic", "Invalid enum value 'calls'"),
        ('format = "csv"', 'format = "xls"', "$.source.format", "Invalid enum value 'xls'"),
        ('format = "csv"', 'format = "csv"\nsheet = "May"', "$.source.sheet", "for workbooks only"),
        ("Europe/London", "Europe/Stoke", "$.source.time_zone", "no time zone 'Europe/Stoke'"),
        ("Europe/London", "Europe", "$.source.time_zone", "no time zone 'Europe'"),
        ("Europe/London", "UTC" + "9" * 300, "$.source.time_zone", "no time zone 'UTC999"),
        ('absent = ["NULL"]', 'encoding = "utf-9"', "$.source.encoding", "no encoding 'utf-9'"),
        ('absent = ["NULL"]', 'encoding = "hex"', "$.source.encoding", "no encoding 'hex'"),
        ('absent = ["NULL"]', "delimiter = '\"'", "$.source.delimiter", "the same character"),
        ("%d/%m/%Y %H:%M", "%H:%M", "$.source.times[0]", "has no date"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y %Q", "$.source.times[0]", "is invalid"),
        ('times = ["%d/%m/%Y %H:%M", "iso"]', "times = []", "$.source.times", "length >= 1"),
        ('key = ["incident"]', "key = []", "$.subject.key", "length >= 1"),
        ('key = ["unit"]', "key = []", "$.rows.key", "Each row gives a UnitDispatched"),
        ('fact = "IncidentOpened"', 'fact = "IncidentOpend"', "$.facts[0].fact", "no fact 'IncidentOpend'"),
        ('fact = "IncidentOpened"', 'fact = "ContactOffered"', "$.facts[0].fact", "on the topic incidents"),
        ('fact = "IncidentOpened"', 'fact = "FactWithdrawn"', "$.facts[0].fact", "no fact 'FactWithdrawn'"),
        ('grade = { column = "grade" }', "", "$.facts[0].fields", "needs the field 'grade'"),
        ('grade = { column = "grade" }', "grade = {}", "$.facts[0].fields.grade", "either a `column` or"),
        (
            'grade = { column = "grade" }',
            'grade = { column = "grade", constant = "1" }',
            "$.facts[0].fields.grade",
            "either a `column` or",
        ),
        (
            'grade = { column = "grade" }',
            'grade = { constant = "a grade" }',
            "$.facts[0].fields.grade",
            "'a grade' is not a valid value",
        ),
        (
            'grade = { column = "grade" }',
            'grade = { constant = "1", values = { "A" = "1" } }',
            "$.facts[0].fields.grade",
            "do not apply to a constant",
        ),
        (
            'grade = { column = "grade" }',
            'grade = { column = "grade", otherwise = "1" }',
            "$.facts[0].fields.grade",
            "`otherwise` applies only",
        ),
        ('{ "Y" = true', '{ "Y" = "yes"', "$.facts[0].fields.domestic", "'yes' is not a valid value"),
        ('area = { column = "area" }', 'place = { column = "area" }', "$.facts[0].fields.place", "has no such field"),
        (
            'area = { column = "area" }',
            'corrects = { column = "area" }',
            "$.facts[0].fields.corrects",
            "has no such field",
        ),
        ('per = "row"', 'per = "row"\npick = "first"', "$.facts[1].pick", "`pick` does not apply"),
        (
            'unit = { column = "unit" }',
            'unit = { column = "unit", pick = "last" }',
            "$.facts[1].fields.unit",
            "`pick` does not apply",
        ),
        (", present = true", "", "$.facts[1].when[0]", "has exactly one test"),
        ("present = true", 'present = true, equals = "x"', "$.facts[1].when[0]", "has exactly one test"),
        ("present = true", 'equals = "x", not_equals = "y"', "$.facts[1].when[0]", "has exactly one test"),
        ('absent = ["NULL"]', 'json_in = ["grade"]', "$.source.json_in", "for JSON only"),
        ('absent = ["NULL"]', 'first_in.a = { list = "b", values = ["c"] }', "$.source.first_in", "for JSON only"),
        ('absent = ["NULL"]', 'first_of = { a = ["b"] }', "$.source.first_of[...]", "length >= 2"),
        (
            'absent = ["NULL"]',
            'first_of = { a = ["b", "c"], b = ["d", "e"] }',
            "$.source.first_of.a",
            "not declared before",
        ),
        ('absent = ["NULL"]', 'first_of = { b = ["b", "c"] }', "$.source.first_of.b", "not declared before"),
        ('key = ["incident"]', 'key = ["incident"]\njoin = { column = "other" }', "$.subject.join", "cannot be joined"),
        (
            'key = ["incident"]',
            'key = ["incident"]\njoin = { column = "other", when = [{ column = "grade" }] }',
            "$.subject.join.when[0]",
            "has exactly one test",
        ),
        (
            'grade = { column = "grade" }',
            'grade = { column = "grade", values_of = "grades" }',
            "$.facts[0].fields.grade.values_of",
            "no table of values named 'grades'",
        ),
        (
            'grade = { column = "grade" }',
            'grade = { column = "grade", values_of = "grades", values = { "A" = "1" } }',
            "$.facts[0].fields.grade.values_of",
            "not both",
        ),
    ],
)
def test_an_error_gives_the_place_of_the_fault(old: str, new: str, where: str, what: str) -> None:
    error = refusal(changed(old, new))
    assert what in error.what
    assert error.where.startswith("small.toml")
    assert error.where.endswith(where)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('topic = "incidents"', "Required here: name, force, topic, feed, source, subject, facts."),
        ('time_zone = "Europe/London"', "Required here: format, times, time_zone."),
        ('at = "dispatched"', "Required here: fact, per, at."),
    ],
)
def test_a_missing_key_is_reported_with_all_that_are_required(line: str, words: str) -> None:
    assert words in refusal(changed(f"{line}\n", "")).hint


def test_two_declarations_of_a_fact_need_different_names() -> None:
    second = INCIDENTS[INCIDENTS.rindex("[[facts]]") :]
    assert "named 'UnitDispatched'" in refusal(INCIDENTS + second).what
    named = second.replace('per = "row"', 'per = "row"\nname = "again"')
    assert load_mapping(INCIDENTS + named, "small.toml").facts[-1].label == "again"


def test_every_field_has_the_right_kind() -> None:
    kinds = {name: {field: shape.kind for field, shape in fields_of(name).items()} for name in FACTS_BY_NAME}
    assert kinds["DetaineeArrived"] == {
        "suite": "text",
        "child": "yes_or_no",
        "relevant_time": "time",
        "basis": "text",
        "continues": "yes_or_no",
    }
    assert kinds["IncidentReclassified"] == {"group": "text", "category": "text", "domestic": "yes_or_no"}
    assert kinds["WarrantIssued"] == {"hours": "whole_number", "minutes": "whole_number"}
    assert kinds["ExtensionAuthorised"] == {"until": "time", "indictable": "yes_or_no"}
    assert kinds["DetentionEnded"] == {"disposal": "text"}


def test_supplied_mappings_and_samples_are_found_by_name() -> None:
    assert "san_francisco_fire" in mapping_names()
    assert set(sample_names()) <= set(mapping_names())
    for name in mapping_names():
        assert packaged_mapping(name).name == name


@pytest.mark.parametrize("name", ["gotham", "../mappings/san_francisco_fire", ""])
def test_an_unknown_name_is_an_error_that_lists_the_known_names(name: str) -> None:
    for open_it in (packaged_mapping, packaged_sample):
        with pytest.raises(MappingError) as caught:
            open_it(name)
        assert "san_francisco_fire" in caught.value.hint


def test_the_derived_schema_accepts_every_supplied_mapping_and_refuses_a_misspelt_key() -> None:
    schema = Draft202012Validator(mapping_schema())
    for name in mapping_names():
        written = tomllib.loads(files("producers").joinpath("mappings", f"{name}.toml").read_text("utf-8"))
        assert list(schema.iter_errors(written)) == [], name
        assert not schema.is_valid({**written, "subjects": written["subject"]})
