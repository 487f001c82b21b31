"""The definition of a measure as it is declared: what a reader needs to know before using its figures."""

import re
from datetime import date

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.report.periods import Period
from dashboards.report.targets import always
from measures.catalogue import CATALOGUE
from measures.measure import Decided, Measure, OpenStatistic, PublishedFigure, Share
from measures.published import PUBLISHED
from measures.window import LIVE_WINDOWS

_PUBLISHED_MOST = 12
_NAME = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")
_UNITS = {"count": "count", "seconds": "seconds", "ratio": "percentage"}


class Contract(Struct, frozen=True):
    """What a measure means.

    Attributes:
        name: the name of the measure.
        title: the title of the measure.
        question: the question that it answers.
        terms: pairs of a term and its text.
        published: the first published figures, each as period, figure, and source with note.
        published_left_out: the number of further published figures, which only the documentation lists.
    """

    name: str
    title: str
    question: str
    terms: list[tuple[str, str]]
    published: list[tuple[str, str, str]]
    published_left_out: int


def contract(measure: Measure, view: View) -> Contract:
    """The contract of a measure, with the force's own target and feeds."""
    terms = [
        ("Population", measure.population),
        ("Clock", measure.clock),
        ("Denominator", _denominator(measure)),
        ("Bounds", _bounds(measure)),
        ("Window", _window_rule(measure)),
        ("Unit", _UNITS[measure.unit]),
        ("Better when", measure.good if measure.good != "neither" else ""),
        ("Target", measure.target),
        (f"Target at {view.profile.title}", always(measure, view.profile)),
        ("Minimum n", str(measure.minimum_n) if measure.minimum_n > 1 and measure.unit != "count" else ""),
        ("Data sources", ", ".join(feed.name for feed in measure.feeds(view.profile))),
        ("Report rows", ", ".join(measure.rows)),
        *(("Note", note) for note in measure.notes),
        ("Version", str(measure.version)),
    ]
    figures = PUBLISHED.get(measure.name, ())
    return Contract(
        name=measure.name,
        title=measure.title,
        question=measure.question,
        terms=[(term, words) for term, words in terms if words],
        published=[_published(each) for each in figures[:_PUBLISHED_MOST]],
        published_left_out=max(0, len(figures) - _PUBLISHED_MOST),
    )


def titled(text: str) -> str:
    """The text with the titles of the measures that it names: pages are for people, files and JSON also for programs."""
    return _NAME.sub(lambda found: f'"{CATALOGUE[found[0]].title}"' if found[0] in CATALOGUE else found[0], text)


def _published(each: PublishedFigure) -> tuple[str, str, str]:
    start, end = map(date.fromisoformat, each.period.split("/"))
    filters = ", ".join(f"{name.replace('_', ' ')}: {word.replace('_', ' ')}" for name, word in each.where.items())
    says_unit = each.unit == "%" and each.figure.endswith(("%", "per cent"))
    figure = each.figure if says_unit else f"{each.figure} {each.unit}".strip()
    return (
        ", ".join(filter(None, (Period("", start, end).words(), filters))),
        figure,
        f"{each.source}. {each.note}".strip(". ") + ".",
    )


def _denominator(measure: Measure) -> str:
    if isinstance(measure.statistic, Share | Decided):
        return "n: the number of cases in the population."
    if measure.unit == "seconds":
        return "n: the number of times measured."
    return ""


def _bounds(measure: Measure) -> str:
    if measure.is_share():
        return "The share if every outcome that is not recorded or in doubt had been missed, and if every one had been met."
    return "Times that are not recorded or in doubt are counted as unrecorded." if measure.unrecorded else ""


def _window_rule(measure: Measure) -> str:
    if isinstance(measure.statistic, OpenStatistic):
        return "None: the figure is what is open now."
    live = ", ".join(LIVE_WINDOWS)
    return (
        f"Live windows ({live}) count by decision time. Months and years count by when the subject began. "
        "Rolling windows are whole minutes, and up to two minutes longer than their name."
    )
