"""Cells that a spreadsheet would read as a formula are escaped."""

import pytest

from measures.spreadsheet import safe_cell, safe_figure


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_starts_a_formula_is_escaped(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["-3", "-1e-07", "+12.90 pp", "-1,946", "+11.00 %", "-0:06:00"])
def test_a_signed_figure_stays_a_number(text: str) -> None:
    assert safe_figure(text) == text


@pytest.mark.parametrize("text", ["-3+cmd", "+1\t=1", "=1", "--3", "-1;2", "+1 %=2"])
def test_a_figure_that_is_no_number_is_escaped(text: str) -> None:
    assert safe_figure(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-", "a note", "1 = 1", "a\t=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text
