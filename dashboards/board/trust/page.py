"""The Trust page: what is missing from each feed and area, and the least complete figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import Page, Parts, View
from dashboards.board.shared.table import name_of
from dashboards.board.shared.tile import text
from measures.catalogue import CATALOGUE
from measures.display import NOTHING, doubt_words, number, words
from measures.reading import Reading
from measures.trust import WHAT, CheckedTopic, Missing, TrustRow
from streams.trust import read_trust

_LISTED = 25
"""The most figures that the page lists."""
_STATES = ("bad", "unknown", "limit", "good")
_STATE_WORDS = {
    "bad": "Figures are wrong",
    "unknown": "Not known",
    "limit": "Right with limits",
    "good": "Nothing found",
}
_CHECK_COLUMNS = ("Feeds", "Verdict", "Check", "What was found", "Effect on the figures")
_FEED_COLUMNS = ("Feed", "Cases", *WHAT.values())
_AREA_COLUMNS = ("Area", "Cases", WHAT["unrecorded"], "Area not in the profile")
_FIGURE_COLUMNS = ("Figure", "Value", "n", "What is not recorded")


def _read(view: View) -> Parts:
    trust = read_trust(view.reader, view.force)
    return {
        "checks": list(_checks(view.feed_checks())),
        "feeds": [_row(row, row.name) for row in trust.feeds],
        "areas": [_row(row, name_of("area", row.name, view)) for row in trust.areas],
        "figures": [_figure(reading, view.root) for reading in trust.readings[:_LISTED]],
    }


def _checks(topics: Sequence[CheckedTopic] | None) -> Iterator[dict[str, Any]]:
    """What the checks found in the facts that arrived in the last hour, the worst first."""
    if topics is None:
        cells = ["All feeds", "Not known", "", "The log cannot be read, or has not been read yet.", ""]
        yield {"cells": cells, "state": "unknown", "key": "all"}
        return
    found = [(each, topic) for topic in topics for each in topic.findings if each.state != "good"]
    for each, topic in sorted(found, key=lambda one: _STATES.index(one[0].state)):
        cells = [", ".join(topic.feeds), _STATE_WORDS[each.state], each.check, each.says, each.effect]
        yield {"cells": cells, "state": each.state, "key": f"{topic.topic} {each.check} {each.says}"}
    for topic in topics:
        if not any(each.state != "good" for each in topic.findings):
            yield _unobjectionable(topic)


def _unobjectionable(topic: CheckedTopic) -> dict[str, Any]:
    """The row of a topic without any finding: nothing was found, or there was nothing to check."""
    old = f" Left out: {number(topic.old, 'fact')}, loaded as history or more than a day late." if topic.old else ""
    if not topic.facts:
        cells = [", ".join(topic.feeds), "Not known", "", f"No live fact arrived in the last hour.{old}", ""]
        return {"cells": cells, "state": "unknown", "key": topic.topic}
    checks = ", ".join(dict.fromkeys(each.check for each in topic.findings))
    cells = [", ".join(topic.feeds), "Nothing found", checks, f"{number(topic.facts, 'fact')} checked.{old}", ""]
    return {"cells": cells, "state": "good", "key": topic.topic}


def _row(row: TrustRow, name: str) -> dict[str, Any]:
    cases = NOTHING if row.cases is None else f"{row.cases:,}"
    return {"cells": [name, cases, *map(_missing_words, row.missing)]}


def _missing_words(missing: Missing) -> str:
    if missing.count is None or missing.of is None:
        return "not known"
    if not missing.count:
        return "none"
    share = words(missing.share(), "ratio")
    return f"{missing.count:,} ({'under 0.1%' if share == '0.0%' else share})"


def _figure(reading: Reading, root: str) -> dict[str, Any]:
    measure = CATALOGUE[reading.measure]
    doubt = doubt_words(reading.low, reading.high, reading.unrecorded, measure.unit)
    n = NOTHING if reading.n is None else f"{reading.n:,}"
    return {
        "cells": [measure.title, text(reading, measure), n, doubt],
        "link": f"{root}/measure/{measure.name}?window=24h",
    }


def _context(_: View, __: Request) -> Mapping[str, Any]:
    return {
        "check_columns": _CHECK_COLUMNS,
        "feed_columns": _FEED_COLUMNS,
        "area_columns": _AREA_COLUMNS,
        "figure_columns": _FIGURE_COLUMNS,
    }


TRUST = Page(name="trust", path="/trust", title="Trust", read=_read, context=_context)
