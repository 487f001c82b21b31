"""The choices on an analyst's page: a measure, its window, breakdown and filters, all of them in the address."""

from collections.abc import Iterable, Mapping
from typing import Any

from dashboards.board.shared.contract import contract
from dashboards.board.shared.interval_queues import queue_of
from dashboards.board.shared.page import View
from dashboards.board.shared.query import BreakdownQuery, active_filters, dimensions, filter_parameters
from dashboards.board.shared.table import DIMENSION_TITLES, names
from dashboards.report.naming import countable
from measures.measure import DERIVED_DIMENSIONS, Measure, Where

_PUBLISHED_ONLY = "Published by others"


def choices(question: BreakdownQuery, measures: Iterable[Measure], view: View) -> Mapping[str, Any]:
    """The template's values: the question, the measure's contract, and everything else that can be chosen.

    Args:
        question: what is chosen now.
        measures: the measures to choose from.
        view: what the page reads.
    """
    return {
        "pages_of_measure": pages_of_measure(question, view.root),
        "question": question,
        "contract": contract(question.measure, view),
        "measures": _by_topic(measures),
        "dimensions": dimensions(question.measure),
        "filters": active_filters(question, view),
        "words": label_choices(question.measure, question.where, view),
    }


def pages_of_measure(question: BreakdownQuery, root: str) -> dict[str, str]:
    """The addresses of the analysts' pages about this measure, with the same filters and, on pages that take it, the same window.

    Args:
        question: what is chosen now.
        root: the path of the force's pages.
    """
    name, window = question.measure.name, question.window or "last_month"
    here = question.query(window=window)
    queue = queue_of(question.measure)
    by_half_hour = {"By half-hour": f"{root}/intervals?queue={queue}"} if queue else {}
    if question.measure.is_open():
        return {
            "Breakdown": f"{root}/measure/{name}?{here}",
            "Compare": f"{root}/compare?measure={name}&{here}",
            **by_half_hour,
        }
    month = question.query(window="last_month", compare="month_before")
    filters = "&".join(filter_parameters(question.where))
    return {
        "Breakdown": f"{root}/measure/{name}?{here}",
        "Was last month better?": f"{root}/compare?measure={name}&{month}",
        "Is it more than chance?": f"{root}/chart?measure={name}&{filters}".rstrip("&"),
        "All periods": f"{root}/compare?measure={name}&{question.query(window='', compare='')}",
        "Explore": f"{root}/explore?measure={name}&{here}",
        **by_half_hour,
    }


def _by_topic(measures: Iterable[Measure]) -> dict[str, list[Measure]]:
    by_topic: dict[str, list[Measure]] = {}
    for each in measures:
        title = min(each.topics(), default=_PUBLISHED_ONLY).capitalize()
        by_topic.setdefault(title, []).append(each)
    return by_topic


def label_choices(measure: Measure, where: Where, view: View) -> dict[str, dict[str, str]]:
    """The labels to choose from, without filtered dimensions: by the title of the dimension, from `dimension:label` to the label's name."""
    free = [name for name in dimensions(measure) if name not in where]
    by_title = {
        DIMENSION_TITLES.get(name, name): {
            f"{name}:{word}": title
            for word, title in names(name, view).items()
            if _is_counted(measure, name, word, view)
        }
        for name in free
    }
    return {title: words for title, words in by_title.items() if words}


def _is_counted(measure: Measure, dimension: str, word: str, view: View) -> bool:
    """Whether a measure can count a label: a measure of ASB, for example, counts no type of crime."""
    if dimension in DERIVED_DIMENSIONS.values():
        return word in countable(measure, dimension, view.profile)
    return all(word in words for name, words in measure.where.items() if name == dimension)
