"""The result of a feed check as one page to sign: as text, Markdown and HTML."""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Literal

from msgspec import Struct

from bluelamp.feeding.feed_check.figures import CheckedFigure
from bluelamp.feeding.feed_check.finding import TITLES, Finding, Verdict
from bluelamp.feeding.feed_check.hours import UsualHour
from measures.display import number

Format = Literal["text", "md", "html"]
_MARKS = {"good": "good", "limit": "LIMIT", "bad": "BAD", "unknown": "UNKNOWN"}
_MEASURES_LISTED, _FIGURES_LISTED = 4, 8
_SIGNATURES = ("Engineer", "Analyst")


class FeedCheck(Struct, frozen=True, kw_only=True):
    """The result of a feed check.

    Attributes:
        source: what was checked: the files, or the topic and for how long it was listened to.
        mapping: the mapping; empty if the feed was listened to.
        force: the force.
        topic: the topic.
        feeds: the feeds.
        checked_at: when it was checked.
        first: the time of the first fact; None without any.
        last: the time of the last fact.
        facts: the number of facts.
        subjects: the number of subjects.
        verdict: the verdict.
        findings: every finding, in order of the checks.
        figures: the figures of the sample, the least complete first.
        hours: what is usual for each hour of the day; empty if that cannot be said.
    """

    source: str
    mapping: str
    force: str
    topic: str
    feeds: tuple[str, ...]
    checked_at: datetime
    first: datetime | None
    last: datetime | None
    facts: int
    subjects: int
    verdict: Verdict
    findings: list[Finding]
    figures: list[CheckedFigure]
    hours: list[UsualHour]


def written(result: FeedCheck, form: Format) -> str:
    """The page in a format."""
    if form == "html":
        return _html(result)
    return "\n".join(_markdown(result) if form == "md" else _text(result)) + "\n"


def _head(result: FeedCheck) -> Iterator[tuple[str, str]]:
    yield "Source", result.source
    if result.mapping:
        yield "Mapping", result.mapping
    yield "Force, topic, feeds", f"{result.force}, {result.topic}, {', '.join(result.feeds) or 'none'}"
    period = (
        f"{result.first:%d %B %Y %H:%M} to {result.last:%d %B %Y %H:%M}" if result.first and result.last else "none"
    )
    yield "Period", period
    yield "Facts", f"{number(result.facts, 'fact')} about {number(result.subjects, 'subject')}"
    yield "Checked", f"{result.checked_at:%d %B %Y %H:%M}"


def _touched(finding: Finding) -> str:
    if not finding.measures:
        return ""
    listed, more = ", ".join(finding.measures[:_MEASURES_LISTED]), len(finding.measures) - _MEASURES_LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed


def _figures(result: FeedCheck) -> list[CheckedFigure]:
    """The figures with something unrecorded; if there are none, the first figures."""
    lacking = [each for each in result.figures if each.doubt]
    return (lacking or result.figures)[:_FIGURES_LISTED]


def _hours(result: FeedCheck) -> str:
    return "; ".join(f"{each.hour:02}: {each.usual:g} ({each.least:,} to {each.most:,})" for each in result.hours)


def _text(result: FeedCheck) -> Iterator[str]:
    yield f"Feed check: {result.verdict.upper()}"
    yield ""
    for term, text in _head(result):
        yield f"{term:20} {text}"
    for finding in result.findings:
        yield ""
        yield f"{_MARKS[finding.state]:8} {TITLES[finding.check]}: {finding.says}"
        if finding.effect:
            yield f"{'':8} {finding.effect}"
        if touched := _touched(finding):
            yield f"{'':8} Measures: {touched}."
    yield ""
    yield "Figures of this period, the least complete first:"
    for each in _figures(result):
        yield f"  {each.title}: {each.value} (n {each.n:,}){f', {each.doubt}' if each.doubt else ''}"
    if result.hours:
        yield ""
        yield f"Cases by local hour, usual (least to most): {_hours(result)}."
    yield ""
    for name in _SIGNATURES:
        yield f"{name}: ______________________  Date: ______________"


def _markdown(result: FeedCheck) -> Iterator[str]:
    yield f"# Feed check: {result.verdict}"
    yield ""
    yield from (f"- {term}: {text}" for term, text in _head(result))
    yield ""
    yield "| check | state | what was found | effect | measures |"
    yield "|---|---|---|---|---|"
    for each in result.findings:
        cells = (TITLES[each.check], _MARKS[each.state], each.says, each.effect, _touched(each))
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""
    yield "| figure of this period | value | n | what is not recorded |"
    yield "|---|---|---|---|"
    for figure in _figures(result):
        yield f"| {figure.title} | {figure.value} | {figure.n:,} | {figure.doubt or 'nothing'} |"
    if result.hours:
        yield ""
        yield f"Cases by local hour, usual (least to most): {_hours(result)}."
    yield ""
    yield from (f"{name}: ______________________  Date: ______________\n" for name in _SIGNATURES)


_STYLE = (
    "body{font:10.5pt/1.35 system-ui,sans-serif;margin:14mm;color:#111}h1{font-size:16pt;margin:0 0 3mm}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:0 4mm;margin:0 0 4mm}dt{font-weight:600}dd{margin:0}"
    "table{border-collapse:collapse;width:100%;margin:0 0 4mm}th,td{border-bottom:1px solid #bbb;text-align:left;"
    "vertical-align:top;padding:1mm 2mm}.sign{margin-top:8mm}@page{size:A4;margin:0}"
)


def _html(result: FeedCheck) -> str:
    head = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in _head(result))
    rows = "".join(
        _row(TITLES[each.check], _MARKS[each.state], each.says, " ".join(filter(None, (each.effect, _touched(each)))))
        for each in result.findings
    )
    figures = "".join(_row(each.title, each.value, f"{each.n:,}", each.doubt or "nothing") for each in _figures(result))
    hours = f"<p>Cases by local hour, usual (least to most): {escape(_hours(result))}.</p>" if result.hours else ""
    signs = "".join(f'<p class="sign">{name}: ______________________ Date: ______________</p>' for name in _SIGNATURES)
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>Feed check</title><style>{_STYLE}</style></head>'
        f"<body><h1>Feed check: {escape(result.verdict)}</h1><dl>{head}</dl>"
        f"<table><tr><th>Check</th><th>State</th><th>What was found</th><th>Effect, and the measures affected</th></tr>{rows}</table>"
        f"<table><tr><th>Figure of this period</th><th>Value</th><th>n</th><th>What is not recorded</th></tr>{figures}</table>"
        f"{hours}{signs}</body></html>\n"
    )


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
