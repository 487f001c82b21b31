"""What the simulated force had in the periods of the published figures, which its record may no longer reach."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

FORCE, SEED = "staffordshire", 41
"""The force and the seed of the simulation behind the table."""


class SimulatedFigure(Struct, frozen=True, kw_only=True):
    """One figure of the simulation of a published period.

    Attributes:
        measure: the name of the measure.
        where: the filter, as `dimension=label` separated by spaces.
        period: FROM/TO as dates.
        value: the figure in the measure's unit; a share for a band or label of a count that is published in percent.
        n: the number of cases behind it.
    """

    measure: str
    where: str
    period: str
    value: float
    n: int


def simulated_figure(measure: str, where: Mapping[str, str], period: str) -> SimulatedFigure | None:
    """The simulated figure for a published one; None if the table has none.

    Args:
        measure: the name of the measure.
        where: the label that the published figure is limited to, by dimension.
        period: the published period.
    """
    return _by_place().get((measure, _words(where), period))


def table() -> list[SimulatedFigure]:
    """The whole table; `make periods` calculates it again."""
    text = files("producers.simulate").joinpath("simulated_periods.csv").read_text("utf-8")
    return [msgspec.convert(line, SimulatedFigure, strict=False) for line in csv.DictReader(text.splitlines())]


@cache
def _by_place() -> Mapping[tuple[str, str, str], SimulatedFigure]:
    return {(each.measure, each.where, each.period): each for each in table()}


def _words(where: Mapping[str, str]) -> str:
    return " ".join(f"{dimension}={label}" for dimension, label in where.items())
