"""What can be chosen on an analyst's page: a measure, how it is broken down, what it is limited to; all of it in the address."""

from collections.abc import Iterable, Mapping
from typing import Any

from dashboards.board.contract import contract
from dashboards.board.drill import BreakdownQuery, dimensions
from dashboards.board.page import View
from dashboards.board.table import DIMENSION_TITLES, name_of, names
from dashboards.report.naming import countable
from measures.measure import DERIVED_DIMENSIONS, Measure

_PUBLISHED_ONLY = "Published by others"


def choices(question: BreakdownQuery, measures: Iterable[Measure], view: View) -> Mapping[str, Any]:
    """What a template lays out: the question, its contract, and everything else that could be asked.

    Args:
        question: what is asked.
        measures: those that can be chosen.
        view: what the page is taken from.
    """
    return {
        "question": question,
        "contract": contract(question.measure, view),
        "measures": _by_topic(measures),
        "ways": dimensions(question.measure),
        "limits": _limits(question, view),
        "words": _words(question, view),
    }


def _by_topic(measures: Iterable[Measure]) -> dict[str, list[Measure]]:
    found: dict[str, list[Measure]] = {}
    for each in measures:
        title = min(each.topics(), default=_PUBLISHED_ONLY).capitalize()
        found.setdefault(title, []).append(each)
    return found


def _limits(question: BreakdownQuery, view: View) -> list[tuple[str, str, str]]:
    """Each limit with its title, its words, and the query without it."""
    return [
        (
            DIMENSION_TITLES.get(name, name),
            ", ".join(name_of(name, word, view) for word in chosen),
            question.query(where={other: words for other, words in question.where.items() if other != name}),
        )
        for name, chosen in question.where.items()
    ]


def _words(question: BreakdownQuery, view: View) -> dict[str, dict[str, str]]:
    """The words that it can be limited to, by the title of their dimension: `dimension:word` to name."""
    free = [name for name in dimensions(question.measure) if name not in question.where]
    found = {
        DIMENSION_TITLES.get(name, name): {
            f"{name}:{word}": title
            for word, title in names(name, view).items()
            if _is_counted(question.measure, name, word, view)
        }
        for name in free
    }
    return {title: words for title, words in found.items() if words}


def _is_counted(measure: Measure, dimension: str, word: str, view: View) -> bool:
    """Whether a measure can count a word at all: of all ASB no type of crime."""
    if dimension in DERIVED_DIMENSIONS.values():
        return word in countable(measure, dimension, view.profile)
    return all(word in words for name, words in measure.where.items() if name == dimension)
