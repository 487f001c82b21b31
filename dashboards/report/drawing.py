"""Draws a control chart as a self-contained SVG with a text alternative; signals differ by shape as well as colour."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from html import escape
from itertools import groupby
from math import floor, log10
from typing import NamedTuple

from dashboards.report.events import KnownEvent
from dashboards.report.layout import Line
from dashboards.report.words import figure_text
from measures.catalogue import CATALOGUE
from measures.chart import Chart, Grain

_WIDTH, _HEIGHT = 760, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 12, 24, 44
_HOUR_SECONDS = 3600
_TICKS, _LABELS, _LONG_LABELS = 5, 8, 5
_SHORT = 12
"""Eight labels of at most this number of characters fit below the chart."""
_STYLE = """
.xmr text{font:12px system-ui,sans-serif;fill:#333}.xmr .axis{stroke:#767676}.xmr .grid{stroke:#e4e4e4}
.xmr .line{fill:none;stroke:#444;stroke-width:1.5}.xmr .centre{stroke:#333;stroke-width:1.5}
.xmr .limit{stroke:#333;stroke-width:1.2;stroke-dasharray:6 4}.xmr .none{fill:#767676}
.xmr .improvement{fill:#1f5fa8}.xmr .concern{fill:#c1500b}.xmr .change{fill:#6b3fa0}
.xmr .step{stroke:#333;stroke-dasharray:2 3}.xmr .band{fill:#e9edf3}.xmr .gap{fill:#f3e3c3}
.xmr .target{stroke:#9c1515;stroke-width:1.5;stroke-dasharray:10 4}.xmr text.target{fill:#9c1515;stroke:none}
.xmr .layer{fill:none;stroke:#1f5fa8;stroke-width:1.5}.xmr .layer-2{stroke:#6b3fa0;stroke-dasharray:8 3}
.xmr .layer-3{stroke:#125c2b;stroke-dasharray:3 3}.xmr .event{fill:#6b3fa0}
"""
_SHAPES = {
    "none": "M{x:.1f} {y:.1f}m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z",
    "improvement": "M{x:.1f} {y:.1f}m-5 -5h10v10h-10z",
    "concern": "M{x:.1f} {y:.1f}m0 -7l7 7l-7 7l-7 -7z",
    "change": "M{x:.1f} {y:.1f}m0 -6l6 11h-12z",
}


class Layer(NamedTuple):
    """A series that overlays a chart: its title, and a value for each point."""

    title: str
    values: tuple[Fraction | None, ...]


class Extras(NamedTuple):
    """What is drawn besides the series and its limits.

    Attributes:
        counts: the n of each point; empty if not known.
        target: the target, in the measure's unit; None if there is none.
        layers: the series that overlay it.
        events: known events.
        grain: what a point is.
    """

    counts: tuple[int | None, ...] = ()
    target: Fraction | None = None
    layers: tuple[Layer, ...] = ()
    events: tuple[KnownEvent, ...] = ()
    grain: Grain = "month"


def picture(
    line: Line,
    found: Chart,
    titles: Mapping[date, str],
    summary: Sequence[str],
    extras: Extras,
    events: Mapping[date, str],
) -> str:
    """A chart as SVG.

    Args:
        line: the measure, label and unit of the chart.
        found: the chart.
        titles: the titles of its periods, by first day.
        summary: the text alternative.
        extras: what is drawn besides.
        events: the known events of each period in words, by first day.
    """
    frame = _Frame(line, found, extras)
    named = f"{line.label} ({line.unit.title()})" if line.unit.title() else line.label
    title = escape(f"{named}: control chart, {titles[found.points[0].start]} to {titles[found.points[-1].start]}")
    parts = [
        *frame.bands(titles),
        *frame.axes(titles),
        *frame.limits(),
        *frame.target(),
        *frame.layers(),
        *frame.curve(),
        *frame.marks(titles, events),
    ]
    return (
        f'<svg class="xmr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{title}</title><desc>{escape(' '.join(summary))}</desc><style>{_STYLE}</style>{''.join(parts)}</svg>"
    )


def without_style(svg: str) -> str:
    """A picture without its inline style, for a page that has these styles and whose security policy forbids inline ones."""
    return svg.replace(f"<style>{_STYLE}</style>", "")


class _Frame:
    """The coordinates of values in the picture."""

    def __init__(self, line: Line, found: Chart, extras: Extras) -> None:
        self._line, self._chart, self._extras = line, found, extras
        limits = [limit for step in found.steps for limit in (step.lower(), step.upper(), step.centre)]
        others = (extras.target, *(value for layer in extras.layers for value in layer.values))
        every = (*(point.value for point in found.points), *limits, *others)
        values = [value for value in every if value is not None]
        numbers = [max(0.0, float(line.unit.scaled(value))) for value in values] or [0.0]
        # Grid lines of a clock unit are at whole or decimal hours.
        whole = _HOUR_SECONDS if line.unit.kind == "clock" else 1
        self._tick = _nice((max(numbers) - min(numbers)) / _TICKS / whole) * whole
        self._low = floor(min(numbers) / self._tick) * self._tick
        self._high = max((floor(max(numbers) / self._tick) + 1) * self._tick, self._low + self._tick)
        self._place = {point.start: place for place, point in enumerate(found.points)}

    def _x(self, place: float) -> float:
        return _LEFT + (place + 0.5) * (_WIDTH - _LEFT - _RIGHT) / len(self._chart.points)

    def _y(self, value: float) -> float:
        share = (max(value, self._low) - self._low) / (self._high - self._low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def _height(self, value: Fraction) -> float:
        return self._y(float(self._line.unit.scaled(value)))

    def axes(self, titles: Mapping[date, str]) -> Iterable[str]:
        """The lines and labels of both axes."""
        if self._line.unit.kind != "percent":  # percentages have their sign on every label
            yield f'<text x="{_LEFT - 6}" y="12" text-anchor="end">{escape(self._line.unit.title())}</text>'
        count = round((self._high - self._low) / self._tick)
        for number in range(count + 1):
            value = self._low + number * self._tick
            y = self._y(value)
            yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(self._tick_text(value))}</text>'
        longest = max(len(titles[point.start]) for point in self._chart.points)
        every = -(-len(self._chart.points) // (_LABELS if longest <= _SHORT else _LONG_LABELS))
        for place, point in enumerate(self._chart.points):
            if place % every == 0:
                words = escape(titles[point.start])
                yield f'<text x="{self._x(place):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{words}</text>'

    def _tick_text(self, value: float) -> str:
        kind = self._line.unit.kind
        text = f"{value:,.10g}"
        return (
            f"{text}%"
            if kind == "percent"
            else figure_text(Fraction(value), self._line.unit)
            if kind == "clock"
            else text
        )

    def bands(self, titles: Mapping[date, str]) -> Iterable[str]:
        """The area between the limits, and the periods without a figure."""
        for first, last, lines in self._stretches():
            lower, upper = lines["lower"], lines["upper"]
            if lower is not None and upper is not None:
                y, low = self._height(upper), self._height(max(lower, Fraction()))
                x, end = self._x(first - 0.5), self._x(last + 0.5)
                yield f'<rect class="band" x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="{low - y:.1f}"/>'
        for place, point in enumerate(self._chart.points):
            if point.value is None:
                x, end = self._x(place - 0.5), self._x(place + 0.5)
                size = f'y="{_TOP}" width="{end - x:.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"'
                words = escape(f"{titles[point.start]}: no figure")
                yield f'<rect class="gap" data-place="{place}" x="{x:.1f}" {size}><title>{words}</title></rect>'

    def _stretches(self) -> Iterable[tuple[int, int, dict[str, Fraction | None]]]:
        """For each calculation of the limits: its first and last place, and its lines."""
        for number, step in enumerate(self._chart.steps):
            rest = self._chart.steps[number + 1 :]
            last = self._place[rest[0].since] - 1 if rest else len(self._chart.points) - 1
            lines = {"centre": step.centre, "lower": step.lower(), "upper": step.upper()}
            yield self._place[step.since], last, lines

    def limits(self) -> Iterable[str]:
        """The centre line and limits, with a vertical line where they were recalculated."""
        for number, (first, last, lines) in enumerate(self._stretches()):
            for name, value in lines.items():
                if value is not None and not (name != "centre" and value < 0):
                    y = self._height(value)
                    ends = f'x1="{self._x(first - 0.5):.1f}" x2="{self._x(last + 0.5):.1f}"'
                    kind = "centre" if name == "centre" else "limit"
                    yield f'<line class="{kind}" {ends} y1="{y:.1f}" y2="{y:.1f}"/>'
            if number:
                x = self._x(first - 0.5)
                yield f'<line class="step" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'

    def target(self) -> Iterable[str]:
        """The target as a line with its value."""
        if self._extras.target is not None:
            y = self._height(self._extras.target)
            yield f'<line class="target" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            words = escape(f"target {figure_text(self._extras.target, self._line.unit)}")
            yield f'<text class="target" x="{_WIDTH - _RIGHT}" y="{y - 4:.1f}" text-anchor="end">{words}</text>'

    def layers(self) -> Iterable[str]:
        """The overlays, with a legend above."""
        x = _LEFT
        for number, layer in enumerate(self._extras.layers, start=1):
            for run in _runs(layer.values):
                places = " ".join(f"{self._x(place):.1f},{self._height(value):.1f}" for place, value in run)
                yield f'<polyline class="layer layer-{number}" points="{places}"/>'
            yield f'<line class="layer layer-{number}" x1="{x}" x2="{x + 24}" y1="8" y2="8"/>'
            yield f'<text x="{x + 30}" y="12">{escape(layer.title)}</text>'
            x += 50 + 7 * len(layer.title)

    def curve(self) -> Iterable[str]:
        """The line through the points, broken where one is missing."""
        for run in _runs([point.value for point in self._chart.points]):
            places = " ".join(f"{self._x(place):.1f},{self._height(value):.1f}" for place, value in run)
            yield f'<polyline class="line" points="{places}"/>'

    def marks(self, titles: Mapping[date, str], events: Mapping[date, str]) -> Iterable[str]:
        """The points, with the value and n of each; the points of signals have a shape and colour by meaning."""
        good = CATALOGUE[self._line.measure].good
        meanings = {start: signal.meaning(good) for signal in self._chart.signals for start in signal.points}
        for place, point in enumerate(self._chart.points):
            if events[point.start]:
                yield f'<path class="event" d="M{self._x(place):.1f} {_HEIGHT - _BOTTOM}l4 7h-8z"/>'
            if point.value is not None:
                kind = meanings.get(point.start, "none")
                shape = _SHAPES[kind].format(x=self._x(place), y=self._height(point.value))
                words = escape(self._words(place, point.value, titles[point.start], events[point.start]))
                yield f'<path class="{kind}" data-place="{place}" d="{shape}"><title>{words}</title></path>'

    def _words(self, place: int, value: Fraction, title: str, events: str) -> str:
        """A point in words."""
        unit, counts = self._line.unit, self._extras.counts
        is_count = CATALOGUE[self._line.measure].unit == "count"
        n = counts[place] if counts and not is_count else None
        laid_over = [f"{layer.title} {figure_text(layer.values[place], unit)}" for layer in self._extras.layers]
        parts = [f"{title}: {figure_text(value, unit)}", *([f"n {n:,}"] if n is not None else []), *laid_over]
        return ", ".join(parts) + (f"; {events}" if events else "")


def _runs(values: Sequence[Fraction | None]) -> Iterable[list[tuple[int, Fraction]]]:
    """The values between missing ones, with their places."""
    for is_known, group in groupby(enumerate(values), key=lambda each: each[1] is not None):
        if is_known:
            yield [(place, value) for place, value in group if value is not None]


def _nice(step: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    if step <= 0:
        return 1.0
    power = 10.0 ** floor(log10(step))
    return next(each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= step * 0.999)
