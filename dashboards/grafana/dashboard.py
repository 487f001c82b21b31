"""The three dashboards: the measures of each user, their rows, and the variables, annotations and links."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from dashboards.grafana import query
from dashboards.grafana.panel import (
    CELLS,
    PROMETHEUS,
    TABLE,
    PanelJson,
    datasource,
    fields,
    figure,
    history,
    identity,
    merged,
    override,
    panel,
    periods,
    single,
    state_history,
    target,
)
from facts.union import TOPICS, Topic
from measures.catalogue.record import RECORD
from measures.measure import External, Measure
from streams.names import is_exported
from streams.reading_metrics import EXPORTED_LIVE_WINDOWS

Dashboard = dict[str, Any]
TAG = "bluelamp"
FOLDER = ("bluelamp", "Blue Lamp")
"""The folder of the dashboards: its UID and title."""
_SCHEMA_VERSION = 41
_WIDTH = 24
_WINDOW_TITLES = {"15m": "15 minutes", "60m": "60 minutes", "shift": "This shift", "today": "Today", "24h": "24 hours"}
_LINES = {"999": "999 calls", "101": "101 calls", "digital": "Digital contacts"}
_NOW, _RECORD_ROW = "Now", "The record itself"
_TOPIC_ROWS: Mapping[Topic, str] = {
    "contacts": "Contacts",
    "incidents": "Attendance",
    "custody": "Custody",
    "occurrences": "Occurrences and victims",
    "call_takers": "Call takers",
}


class User(Struct, frozen=True):
    """A user of Blue Lamp, who has a dashboard.

    Attributes:
        name: the name of the dashboard's file, and the end of its UID.
        title: the title of the dashboard.
        purpose: the description of the dashboard.
        topics: the topics whose measures it shows.
        window: the window that it opens with.
        since: where its graphs begin.
        refresh: how often it refreshes.
        by_period: whether it compares months and years.
    """

    name: str
    title: str
    purpose: str
    topics: tuple[Topic, ...]
    window: str
    since: str
    refresh: str
    by_period: bool = False

    @property
    def uid(self) -> str:
        """The UID of the dashboard."""
        return f"{TAG}-{self.name}"


USERS = (
    User(
        "supervisor",
        "Contact centre: live",
        "999, 101 and digital contacts now.",
        ("contacts",),
        "60m",
        "now-6h",
        "15s",
    ),
    User(
        "inspector",
        "Duty inspector: live",
        "Incidents and custody now: what is waiting, and how soon incidents are attended.",
        ("incidents", "custody"),
        "shift",
        "now-12h",
        "15s",
    ),
    User(
        "analyst",
        "Performance: months and years",
        "Every figure by month and year, and over time.",
        TOPICS,
        "24h",
        "now-30d",
        "5m",
        by_period=True,
    ),
)


def dashboards(catalogue: Mapping[str, Measure], source: str = PROMETHEUS) -> dict[str, Dashboard]:
    """Every dashboard, by the name of its user.

    Args:
        catalogue: the measures; a new measure appears on the dashboards without any other change.
        source: the UID of the Prometheus data source.
    """
    every = {user.name: _dashboard(user, list(catalogue.values())) for user in USERS}
    return every if source == PROMETHEUS else {name: _with_source(each, source) for name, each in every.items()}


def written(dashboard: Dashboard) -> str:
    """A dashboard as its committed file, with a line for each panel, so that a diff shows which panels changed."""
    return _written(dashboard) + "\n"


def _written(part: dict[str, Any]) -> str:
    panels = part.get("panels")
    if not panels:
        return msgspec.json.encode(part).decode()
    around = {**{name: each for name, each in part.items() if name != "panels"}, "panels": []}
    lines = ",\n".join(_written(each) for each in panels)
    return msgspec.json.encode(around).decode().removesuffix("[]}") + f"[\n{lines}\n]}}"


def _with_source(part: Any, source: str) -> Any:
    if part == datasource():
        return datasource(source)
    if isinstance(part, dict):
        return {name: _with_source(each, source) for name, each in part.items()}
    return [_with_source(each, source) for each in part] if isinstance(part, list) else part


def _dashboard(user: User, catalogue: Sequence[Measure]) -> Dashboard:
    shown = [each for each in catalogue if is_exported(each) and each.topics() & set(user.topics)]
    rows = [_feeds_row(), *(_measures_row(user, title, group) for title, group in _grouped(shown))]
    left_out = [each for each in catalogue if not is_exported(each)]
    if user.by_period and left_out:
        rows.append(("Not included", [[_left_out(left_out)]]))
    return {
        "uid": user.uid,
        "title": user.title,
        "description": user.purpose,
        "tags": [TAG],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "time": {"from": user.since, "to": "now"},
        "timepicker": {"refresh_intervals": ["15s", "1m", "5m"]},
        "refresh": user.refresh,
        "timezone": "browser",
        "templating": {"list": [_force_variable(shown), _window_variable(user)]},
        "annotations": {"list": _annotations()},
        "links": [_links()],
        "panels": _laid_out(rows),
    }


def row_of(measure: Measure) -> str:
    """The title of a measure's row."""
    if measure.is_open():
        return _NOW
    if measure in RECORD:
        return _RECORD_ROW
    (topic, *_) = sorted(measure.topics())
    lines = [_LINES[line] for line in sorted(measure.lines()) if line in _LINES]
    if len(lines) == 1:
        return lines[0]
    is_demand = topic == "incidents" and measure.unit == "count"
    return "Demand" if is_demand else _TOPIC_ROWS[topic]


def _grouped(measures: Iterable[Measure]) -> Iterator[tuple[str, list[Measure]]]:
    """The measures by row: open items first, the record itself last, and the rest in the order of the catalogue."""
    found: dict[str, list[Measure]] = {_NOW: []}
    for measure in measures:
        found.setdefault(row_of(measure), []).append(measure)
    last = found.pop(_RECORD_ROW, [])
    return ((title, group) for title, group in {**found, _RECORD_ROW: last}.items() if group)


_Row = tuple[str, list[list[PanelJson]]]
"""A row's title and its panels, line by line; the panels of a line share its width."""


def _measures_row(user: User, title: str, group: list[Measure]) -> _Row:
    states = state_history(
        title, group, query.CHOSEN if not group[0].is_open() else f'window="{EXPORTED_LIVE_WINDOWS[0]}"'
    )
    if user.by_period and not group[0].is_open():
        return title, [*([_by_period(each), history(each)] for each in group), [states]]
    figures, histories = [figure(each) for each in group], [history(each) for each in group]
    return title, [*_lines(figures, 4), *_lines(histories, 2), [states]]


def _by_period(measure: Measure) -> PanelJson:
    """The panel that compares months and years. Bands, which have a value for each band, show only the current figures."""
    return figure(measure) if query.has_bands(measure) else periods(measure)


def _lines(panels: Sequence[PanelJson], count: int) -> Iterator[list[PanelJson]]:
    return (list(panels[first : first + count]) for first in range(0, len(panels), count))


_HEIGHTS = {"stat": 6, "timeseries": 8, "table": 8, "state-timeline": 8, "text": 12}
_OPEN_ROWS = 3


def _laid_out(rows: Sequence[_Row]) -> list[PanelJson]:
    """Rows and panels with their positions. Later rows start collapsed, so that Grafana queries only what is visible."""
    placed: list[PanelJson] = []
    y = 0
    for number, (title, lines) in enumerate(rows):
        is_closed = number >= _OPEN_ROWS
        panels, end = _placed(lines, y + 1)
        place = {"x": 0, "y": y, "w": _WIDTH, "h": 1}
        row = {"id": identity("row", title), "type": "row", "title": title, "collapsed": is_closed, "gridPos": place}
        placed += [{**row, "panels": panels}] if is_closed else [{**row, "panels": []}, *panels]
        y = y + 1 if is_closed else end
    return placed


def _placed(lines: Sequence[Sequence[PanelJson]], y: int) -> tuple[list[PanelJson], int]:
    placed: list[PanelJson] = []
    for line in lines:
        width, height = _WIDTH // _columns(line), max(_HEIGHTS[each["type"]] for each in line)
        places = ({"x": index * width, "y": y, "w": width, "h": height} for index in range(len(line)))
        placed += [{**each, "gridPos": place} for each, place in zip(line, places, strict=True)]
        y += height
    return placed, y


def _columns(line: Sequence[PanelJson]) -> int:
    """The number of panels across: four figures, two graphs or tables, or one of anything else."""
    kinds = {each["type"] for each in line}
    return 4 if kinds == {"stat"} else 2 if kinds & {"timeseries", "table"} else 1


_FEED_COLUMNS = {
    "complete_to": "counted up to",
    "heartbeat": "last heartbeat",
    "last_event": "last event",
    "first_event": "record begins",
}


def _feeds_row() -> _Row:
    return "Feeds", [[_server(), _feeds()]]


def _server() -> PanelJson:
    words = {"0": {"text": "down: no figure is live", "color": "red"}, "1": {"text": "up", "color": "green"}}
    config = fields("none", 0)
    config["defaults"]["mappings"] = [{"type": "value", "options": words}]
    config["defaults"]["noValue"] = "the exporter is not scraped"
    return panel(
        "stat",
        "State server",
        "Whether the exporter can read the state, which holds every figure. Down: no figure is available.",
        ("server",),
        targets=[target("min(bluelamp_state_up)", "A", "state server")],
        fieldConfig=config,
        options=single("value"),
    )


def _feeds() -> PanelJson:
    queries = [
        target(f'max by (feed) (bluelamp_feed_{name}_timestamp_seconds{{force="$force"}}) * 1000', letter, kind="table")
        for name, letter in zip(_FEED_COLUMNS, "ABCD", strict=True)
    ]
    columns = {f"Value #{letter}": title for letter, title in zip("ABCD", _FEED_COLUMNS.values(), strict=True)}
    return panel(
        "table",
        "Feeds",
        "The progress of each feed. Counted up to: figures include everything that happened before this time. If a feed "
        "sends no heartbeat for longer than the force's profile allows, its figures become stale.",
        ("feeds",),
        targets=queries,
        fieldConfig=fields("dateTimeAsIso", None, [override("byName", "feed", unit="string")], (), CELLS),
        options=TABLE,
        transformations=merged("feed", columns),
    )


def _left_out(measures: Sequence[Measure]) -> PanelJson:
    lines = [f"- **{each.title}**: {each.question} {_why_left_out(each)}" for each in measures]
    return panel(
        "text",
        "Measures without a panel",
        "Measures in the catalogue that have no metric.",
        ("left out",),
        options={"mode": "markdown", "content": "\n".join(lines)},
    )


def _why_left_out(measure: Measure) -> str:
    if isinstance(measure.statistic, External):
        return measure.statistic.why
    return "The board's page Staffing shows it, and hides small groups, so that no figure is about one person."


def _force_variable(measures: Sequence[Measure]) -> dict[str, Any]:
    """A variable for the forces that have any of the dashboard's figures."""
    names = "|".join(each.name for each in measures)
    forces = f'label_values(bluelamp_reading_state{{measure=~"{names}"}}, force)'
    return {
        "type": "query",
        "name": "force",
        "label": "Force",
        "datasource": datasource(),
        "query": {"qryType": 1, "query": forces, "refId": "force"},
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": False,
    }


def _window_variable(user: User) -> dict[str, Any]:
    options = [
        {"text": _WINDOW_TITLES[name], "value": name, "selected": name == user.window} for name in EXPORTED_LIVE_WINDOWS
    ]
    return {
        "type": "custom",
        "name": "window",
        "label": "Window",
        "query": ",".join(f"{_WINDOW_TITLES[name]} : {name}" for name in EXPORTED_LIVE_WINDOWS),
        "options": options,
        "current": {"text": _WINDOW_TITLES[user.window], "value": user.window},
        "multi": False,
        "includeAll": False,
    }


def _annotations() -> list[dict[str, Any]]:
    """Annotations for the alerts that Prometheus fires and for the alerts that were published to Grafana."""
    fired = {"refId": "alerts", "expr": 'ALERTS{alertstate="firing", force=~"$force|"}', "interval": "30s"}
    return [
        {
            "name": "Alerts",
            "datasource": datasource(),
            "enable": True,
            "iconColor": "red",
            "target": fired,
            "titleFormat": "{{alertname}}",
            "textFormat": "{{severity}} {{measure}}",
        },
        {
            "name": "Published alerts",
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": True,
            "iconColor": "orange",
            "target": {"refId": "published", "type": "tags", "tags": [TAG], "matchAny": False, "limit": 100},
        },
    ]


def _links() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Blue Lamp",
        "tags": [TAG],
        "icon": "external link",
        "tooltip": "",
        "asDropdown": False,
        "includeVars": True,
        "keepTime": False,
        "targetBlank": False,
    }
