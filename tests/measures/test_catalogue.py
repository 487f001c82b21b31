"""Tests that the catalogue is complete, every declaration is valid, and the published figures are as printed."""

import re
from datetime import UTC, date, datetime
from typing import get_args

import pytest

from facts.errors import QuestionError
from measures.catalogue import CATALOGUE, find
from measures.measure import (
    DERIVED_DIMENSIONS,
    Bands,
    Decided,
    DerivedDimension,
    External,
    Mean,
    Measure,
    Median,
    OpenLongest,
    OpenSoonest,
    Selection,
    Share,
    SpanWithin,
)
from measures.outcome import KINDS, Dimension, KindName
from measures.published import PUBLISHED
from measures.reading import band_name
from measures.window import resolve
from tests.support.forces import shipped

ROWS = {
    f"A{table}.{row}"
    for table, first, last in ((1, 1, 6), (2, 7, 19), (3, 20, 34), (4, 35, 42), (5, 43, 53))
    for row in range(first, last + 1)
}
EVERY = list(CATALOGUE.values())
UNIT_OF = {
    Mean: "seconds",
    Median: "seconds",
    OpenLongest: "seconds",
    OpenSoonest: "seconds",
    Share: "ratio",
    Decided: "ratio",
    SpanWithin: "ratio",
}


def number(figure: str) -> int:
    """A printed count as a number."""
    return int(figure.replace(",", ""))


def counts(measure: str, period: str, dimension: str) -> list[int]:
    """The printed counts of one table and period."""
    return [
        number(each.figure)
        for each in PUBLISHED[measure]
        if each.period == period and dimension in each.where and each.unit == ""
    ]


def test_every_row_of_the_reports_operational_tables_is_a_measure() -> None:
    assert {row for measure in EVERY for row in measure.rows} >= ROWS


@pytest.mark.parametrize("measure", EVERY, ids=lambda measure: measure.name)
def test_a_declaration_is_valid(measure: Measure) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", measure.name)
    assert measure.question.endswith("?")
    assert measure.population.endswith(".")
    if not isinstance(measure.statistic, Bands | External):
        assert UNIT_OF.get(type(measure.statistic), "count") == measure.unit
        assert measure.name.endswith(f"_{measure.unit}")
    for selection in measure.selections():
        names = {*KINDS[selection.kind].dimensions, *DERIVED_DIMENSIONS}
        assert {*selection.where, *measure.where} <= names
    if isinstance(measure.statistic, Mean | Median | SpanWithin | Bands):
        assert measure.clock
        assert all(KINDS[selection.kind].per_second for selection in measure.selections())
    if isinstance(measure.statistic, Decided):
        assert all(not KINDS[selection.kind].per_second for selection in measure.selections())


def test_published_figures_fit_their_measure_and_its_dimensions() -> None:
    force = shipped("staffordshire")
    for name, figures in PUBLISHED.items():
        measure = CATALOGUE[name]
        for each in figures:
            assert {*each.where} <= {*measure.dimensions(), *measure.where, "band"}, (name, each)
            assert resolve(each.period, datetime(2025, 1, 21, tzinfo=UTC), force).kind == "report"
            assert each.source.startswith(("S18 ", "S25 "))


def test_every_kind_and_dimension_that_is_named_is_declared() -> None:
    assert set(KINDS) == {*get_args(KindName)}
    assert {name for kind in KINDS.values() for name in kind.dimensions} == {*get_args(Dimension)}
    assert {*DERIVED_DIMENSIONS} == {*get_args(DerivedDimension)}


def test_every_kind_of_outcome_is_used_by_a_measure() -> None:
    used = {selection.kind for measure in EVERY for selection in measure.selections()}
    assert set(KINDS) == used | {each.of.kind for measure in EVERY for each in measure.unrecorded}


@pytest.mark.parametrize("measure", EVERY, ids=lambda measure: measure.name)
def test_what_is_not_recorded_of_a_figure_can_be_chosen_by_each_of_its_words(measure: Measure) -> None:
    """Repeats are reported with their link, so a link is never without one."""
    has_outcome = isinstance(measure.statistic, Share | Decided | SpanWithin | Mean | Median)
    assert bool(measure.unrecorded) == (has_outcome and "repeat" not in measure.name)
    for each in measure.unrecorded:
        names = {*KINDS[each.of.kind].dimensions, *DERIVED_DIMENSIONS}
        assert {*each.of.where, *measure.where, *measure.dimensions()} <= names
        assert KINDS[each.of.kind].topic in measure.topics()


# Outcomes of the first kind are decided together with one of the second, whose labels are given here.
COUNTED_TOGETHER = {"arrival_unrecorded": Selection("incident_closed", {"result": ("attended",)})}


@pytest.mark.parametrize(
    "measure", [each for each in EVERY if isinstance(each.statistic, Share)], ids=lambda each: each.name
)
def test_the_parts_of_a_share_are_decided_at_the_same_time_as_the_whole(measure: Measure) -> None:
    """Otherwise a window that has only one of the two times has a share above 100%."""
    assert isinstance(measure.statistic, Share)
    for met in measure.statistic.met:
        whole = COUNTED_TOGETHER.get(met.kind, met)
        of = [each for each in measure.statistic.of if each.kind == whole.kind]
        assert any({*each.where.items()} <= {*whole.where.items()} for each in of), (met, of)


@pytest.mark.parametrize(("period", "total"), [("2024-01-01/2025-01-01", 252917), ("2023-01-01/2024-01-01", 273562)])
@pytest.mark.parametrize("dimension", ["group", "area"])
def test_printed_groups_and_areas_add_up_to_the_printed_total(period: str, total: int, dimension: str) -> None:
    assert sum(counts("incident_count", period, dimension)) == total


def test_printed_digital_contacts_add_up_by_row_and_by_column() -> None:
    for month in range(1, 13):
        first, last = date(2024, month, 1), date(2024 + month // 12, month % 12 + 1, 1)
        channels = counts("digital_offered_count", f"{first}/{last}", "channel")
        (online,) = counts("digital_offered_count", f"{first}/{last}", "online_home")
        (total,) = [
            number(f.figure)
            for f in PUBLISHED["digital_offered_count"]
            if f.period == f"{first}/{last}" and not f.where
        ]
        assert (sum(channels), sum(channels[:6])) == (total, online)
    assert sum(counts("digital_offered_count", "2024-01-01/2025-01-01", "channel")) == 62466


@pytest.mark.parametrize(("year", "total"), [("2017-10-01/2018-10-01", 83010), ("2016-10-01/2017-10-01", 82324)])
def test_printed_crimes_add_up_by_type_and_by_area(year: str, total: int) -> None:
    assert sum(counts("crime_count", year, "type")) == sum(counts("crime_count", year, "area")) == total


def test_printed_bands_add_up_to_the_answered_calls() -> None:
    bands = {
        each.where["band"]: number(each.figure)
        for each in PUBLISHED["post_triage_answer_bands"]
        if each.unit == "" and each.where
    }
    fives = [bands[name] for name in ("00000-00300", "00300-00600", "00600-00900", "00900-01200")]
    assert sum(bands.values()) - sum(fives) == 35704
    assert sum(fives) == bands["00000-01200"] == 18667


def test_the_report_does_not_add_up_where_the_notes_say_so() -> None:
    """Reports I10: figures are kept as printed and never corrected."""
    assert sum(counts("asb_occurrence_count", "2024-01-01/2025-01-01", "area")) == 15299
    assert sum(counts("asb_occurrence_count", "2024-01-01/2025-01-01", "type")) == 15297


def test_the_names_of_bands_sort_in_order() -> None:
    names = [band_name((0, 300, 1200, 7200), index) for index in range(4)]
    assert names == sorted(names) == ["00000-00300", "00300-01200", "01200-07200", "07200-"]


def test_an_unknown_measure_is_refused_with_similar_names() -> None:
    with pytest.raises(QuestionError) as caught:
        find("999_answer_time")
    assert "contact_999_answer_mean_seconds" in caught.value.hint
