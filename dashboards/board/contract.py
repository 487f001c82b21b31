"""The contract of a measure: everything without which its number should not be believed, as it is declared."""

from msgspec import Struct

from dashboards.board.page import View
from dashboards.report.targets import always
from measures.measure import Decided, Measure, OpenStatistic, PublishedFigure, Share
from measures.published import PUBLISHED
from measures.window import LIVE_WINDOWS

_PUBLISHED_MOST = 12


class Contract(Struct, frozen=True):
    """What a measure means.

    Attributes:
        name: of the measure.
        title: as boards show it.
        question: what it answers.
        terms: each term with what is said of it.
        published: what reports printed of it, at most so many: period, figure, source and note.
        published_left_out: how many more there are in the handbook.
    """

    name: str
    title: str
    question: str
    terms: list[tuple[str, str]]
    published: list[tuple[str, str, str]]
    published_left_out: int


def contract(measure: Measure, view: View) -> Contract:
    """The contract, with what the force itself adds to it."""
    told = [
        ("Population", measure.population),
        ("Clock", measure.clock),
        ("Denominator", _denominator(measure)),
        ("Window", _window_rule(measure)),
        ("Unit", {"count": "a count", "seconds": "seconds", "ratio": "a share, shown in per cent"}[measure.unit]),
        ("Better is", measure.good if measure.good != "neither" else ""),
        ("Target", measure.target),
        (f"Target at {view.profile.title}", always(measure, view.profile)),
        ("Too few below", str(measure.minimum_n) if measure.minimum_n > 1 and measure.unit != "count" else ""),
        ("Stands on the feeds", ", ".join(feed.name for feed in measure.feeds(view.profile))),
        ("Rows of the reports", ", ".join(measure.rows)),
        *(("Note", note) for note in measure.notes),
        ("Version", str(measure.version)),
    ]
    figures = PUBLISHED.get(measure.name, ())
    return Contract(
        name=measure.name,
        title=measure.title,
        question=measure.question,
        terms=[(term, words) for term, words in told if words],
        published=[_published(each) for each in figures[:_PUBLISHED_MOST]],
        published_left_out=max(0, len(figures) - _PUBLISHED_MOST),
    )


def _published(each: PublishedFigure) -> tuple[str, str, str]:
    period = each.period.replace("/", " to before ")
    words = " ".join(f"{name}={word}" for name, word in each.where.items())
    figure = f"{each.figure} {each.unit}".strip()
    return f"{period} {words}".strip(), figure, f"{each.source}. {each.note}".strip(". ") + "."


def _denominator(measure: Measure) -> str:
    if isinstance(measure.statistic, Share | Decided):
        return "n: how many the share is of, as the population says."
    if measure.unit == "seconds":
        return "n: how many spans it is taken from."
    return ""


def _window_rule(measure: Measure) -> str:
    if isinstance(measure.statistic, OpenStatistic):
        return "What stands open at this moment; it has no window."
    live = ", ".join(LIVE_WINDOWS)
    return (
        f"Live windows ({live}) count when it was decided; months and years count the period in which its subject began. "
        "Rolling windows are whole minutes, at most two minutes longer than their name."
    )
