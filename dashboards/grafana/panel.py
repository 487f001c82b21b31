"""The panels of a measure in Grafana's classic model: its figure now, over time, and by period."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.grafana import query
from measures.measure import Bands, Measure, Unit
from measures.reading import band_name

PanelJson = dict[str, Any]
PROMETHEUS = "prometheus"
"""The UID of the data source in the provisioning files."""
WORDS = {
    query.STATES["live"]: ("live", "green"),
    query.STATES["too_few"]: ("too few", "yellow"),
    query.STATES["stale"]: ("stale", "red"),
    query.STATES["no_data"]: ("no data", "purple"),
    query.STATES["in_part"]: ("in part", "blue"),
}
"""The text and colour of each state's number."""
_UNITS: Mapping[Unit, tuple[str, int]] = {"count": ("locale", 0), "seconds": ("s", 2), "ratio": ("percentunit", 1)}
_NOTHING = "no data"
_WINDOW_WORDS = {
    "this_month": "this month",
    "last_month": "last month",
    "12m": "last 12 months",
    "previous_12m": "12 months before",
}
TABLE = {"showHeader": True, "frameIndex": 0, "cellHeight": "sm"}
CELLS = {"align": "auto", "cellOptions": {"type": "auto"}}
_PLAIN = [{"color": "text", "value": None}]


def datasource(uid: str = PROMETHEUS) -> dict[str, str]:
    """A reference to the Prometheus data source."""
    return {"type": "prometheus", "uid": uid}


def identity(*words: str) -> int:
    """A panel's id, which does not change when other panels are added, so that links keep working."""
    return zlib.crc32("/".join(words).encode()) % 1_000_000_000 + 1


def target(expression: str, letter: str, legend: str = "", *, kind: str = "instant") -> dict[str, Any]:
    """A query of a panel.

    Args:
        expression: the query in PromQL.
        letter: the letter by which overrides refer to it.
        legend: the legend of its series.
        kind: `instant`, `range`, or `table`, which is an instant query too.
    """
    return {
        "refId": letter,
        "expr": expression,
        "legendFormat": legend,
        "instant": kind != "range",
        "range": kind == "range",
        "format": "table" if kind == "table" else "time_series",
    }


def panel(kind: str, title: str, description: str, key: tuple[str, ...], **parts: Any) -> PanelJson:
    """A panel without its position."""
    return {
        "id": identity(*key),
        "type": kind,
        "title": title,
        "description": description,
        "datasource": datasource(),
        **parts,
    }


def fields(
    unit: str,
    decimals: int | None = None,
    overrides: Sequence[Mapping[str, Any]] = (),
    steps: Sequence[Mapping[str, Any]] = (),
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The format of a panel's values."""
    defaults = {
        "unit": unit,
        "noValue": _NOTHING,
        "color": {"mode": "thresholds"},
        "thresholds": {"mode": "absolute", "steps": list(steps or _PLAIN)},
        **({"decimals": decimals} if decimals is not None else {}),
        **({"custom": dict(options)} if options else {}),
    }
    return {"defaults": defaults, "overrides": list(overrides)}


def override(matcher: str, matched: str, **properties: Any) -> dict[str, Any]:
    """An override for some of a panel's fields; `__` in the name of a property becomes a dot."""
    overridden = [{"id": name.replace("__", "."), "value": each} for name, each in properties.items()]
    return {"matcher": {"id": matcher, "options": matched}, "properties": overridden}


def state_words() -> list[dict[str, Any]]:
    """The mapping of state numbers to words and colours."""
    options = {str(number): {"text": text, "color": color, "index": number} for number, (text, color) in WORDS.items()}
    return [{"type": "value", "options": options}]


def single(text_mode: str) -> dict[str, Any]:
    """The options of a panel of single values; the text mode is `value` or `value_and_name`."""
    return {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
        "orientation": "vertical",
        "textMode": text_mode,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }


def legend(*, is_shown: bool) -> dict[str, Any]:
    """The options of the legend below a graph."""
    return {"showLegend": is_shown, "displayMode": "list", "placement": "bottom", "calcs": []}


_TOOLTIP = {"mode": "multi", "sort": "none"}


def figure(measure: Measure) -> PanelJson:
    """The value, n and state now. Instant queries ensure that an older value never appears as the current one."""
    unit, decimals = _UNITS[measure.unit]
    queries = [target(query.value(measure, query.CHOSEN), "A", _value_legend(measure))]
    if measure.unit != "count":
        queries.append(target(query.n(measure, query.CHOSEN), "B", "n"))
    queries.append(target(query.state(measure, query.CHOSEN), "C", "state"))
    overrides = [
        override("byFrameRefID", "B", unit="locale", decimals=0, thresholds=_thresholds(_PLAIN)),
        override("byFrameRefID", "C", unit="none", decimals=0, mappings=state_words()),
        *_band_names(measure),
    ]
    return panel(
        "stat",
        _title(measure),
        contract(measure),
        (measure.name, "figure"),
        targets=queries,
        fieldConfig=fields(unit, decimals, overrides, _steps(measure)),
        options=single("value_and_name"),
    )


def history(measure: Measure) -> PanelJson:
    """The value over time with n behind it. The line has a gap where the figure was not live."""
    unit, decimals = _UNITS[measure.unit]
    queries = [target(query.value(measure, query.CHOSEN), "A", _value_legend(measure), kind="range")]
    if measure.unit != "count":
        queries.append(target(query.n(measure, query.CHOSEN), "B", "n", kind="range"))
    bars = {"drawStyle": "bars", "fillOpacity": 12, "lineWidth": 0, "axisPlacement": "right"}
    counted = override(
        "byFrameRefID",
        "B",
        unit="locale",
        decimals=0,
        min=0,
        color={"mode": "fixed", "fixedColor": "text"},
        **{f"custom__{name}": each for name, each in bars.items()},
    )
    line = {"drawStyle": "line", "lineWidth": 2, "spanNulls": False, "showPoints": "auto", "axisSoftMin": 0}
    has_target = measure.target_value is not None
    style = {"thresholdsStyle": {"mode": "dashed" if has_target else "off"}}
    config = fields(unit, decimals, [counted, *_band_names(measure)], _steps(measure), {**line, **style})
    one = {"mode": "fixed", "fixedColor": "blue"}
    config["defaults"]["color"] = {"mode": "palette-classic"} if query.has_bands(measure) else one
    return panel(
        "timeseries",
        _title(measure),
        contract(measure),
        (measure.name, "history"),
        targets=queries,
        fieldConfig=config,
        options={"legend": legend(is_shown=True), "tooltip": _TOOLTIP},
    )


def periods(measure: Measure) -> PanelJson:
    """The value, n, state and change over a year, by period."""
    unit, decimals = _UNITS[measure.unit]
    columns = {"A": "value", "B": "n", "C": "met", "D": "state", "E": _change_title(measure)}
    expressions = {
        "A": query.value(measure, query.REPORT),
        "B": query.n(measure, query.REPORT) if measure.unit != "count" else "",
        "C": query.met(measure, query.REPORT) if measure.unit == "ratio" else "",
        "D": query.state(measure, query.REPORT),
        "E": query.change_on_previous_year(measure),
    }
    change_unit = "suffix: percentage points" if measure.unit == "ratio" else "percentunit"
    windows = {name: {"text": text, "index": index} for index, (name, text) in enumerate(_WINDOW_WORDS.items())}
    overrides = [
        override("byName", "window", mappings=[{"type": "value", "options": windows}], unit="string"),
        *(override("byName", name, unit="locale", decimals=0) for name in ("n", "met")),
        override("byName", "state", unit="none", mappings=state_words(), custom__cellOptions={"type": "color-text"}),
        override("byName", columns["E"], unit=change_unit, decimals=1),
    ]
    return panel(
        "table",
        f"{measure.title}, by period",
        contract(measure),
        (measure.name, "periods"),
        targets=[target(expression, letter, kind="table") for letter, expression in expressions.items() if expression],
        fieldConfig=fields(unit, decimals, overrides, (), CELLS),
        options=TABLE,
        # If the state is the only column, Grafana names it "Value" without a letter; rename it too.
        transformations=merged(
            "window", {f"Value #{each}": name for each, name in columns.items()} | {"Value": "state"}
        ),
    )


def merged(key: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Transformations that merge a table's queries into one row for each value of a label, with the columns in order."""
    order = {name: index for index, name in enumerate((key, *columns))}
    organized = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": dict(columns)}
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": organized},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": key}]}},
    ]


def state_history(title: str, measures: Sequence[Measure], window: str) -> PanelJson:
    """When each of several measures could be relied on."""
    names = [each.name for each in measures]
    return panel(
        "state-timeline",
        f"{title}: when the figures were live",
        "The state of each figure over time. Live: it can be relied on. In part: the record does not cover the whole window. "
        "Too few: there are too few cases to say much. Stale: one of its feeds is silent. No data: there is nothing to "
        "calculate it from. Where there is no bar, nothing was scraped.",
        (title, *names, "states"),
        targets=[target(query.states(list(measures), window), "A", "{{measure}}", kind="range")],
        fieldConfig=_state_fields(measures),
        options={
            "showValue": "never",
            "rowHeight": 0.9,
            "mergeValues": True,
            "alignValue": "left",
            "legend": legend(is_shown=False),
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def _state_fields(measures: Sequence[Measure]) -> dict[str, Any]:
    titles = [override("byName", each.name, displayName=each.title) for each in measures]
    config = fields("none", 0, titles, (), {"fillOpacity": 70, "lineWidth": 0})
    config["defaults"]["mappings"] = state_words()
    return config


def contract(measure: Measure) -> str:
    """The meaning of the figure, shown when somebody points at the panel."""
    parts = (
        measure.question,
        measure.population,
        f"Clock: {measure.clock}" if measure.clock else "",
        f"Target: {measure.target}" if measure.target else "",
        f"Better: {measure.good}" if measure.good != "neither" else "",
        f"Below n = {measure.minimum_n} there is no value, only the state too few" if measure.minimum_n > 1 else "",
        f"`bluelamp read {measure.name}` prints the same figure",
    )
    return "\n\n".join(part if part.endswith((".", "?")) else f"{part}." for part in parts if part)


def _title(measure: Measure) -> str:
    """The title; figures of open items are as of now, all others name their window."""
    return measure.title if measure.is_open() else f"{measure.title} · $window"


def _value_legend(measure: Measure) -> str:
    return "{{band}}" if query.has_bands(measure) else "value"


def _band_names(measure: Measure) -> list[dict[str, Any]]:
    """Names of bands in minutes, instead of their sortable names in seconds."""
    if not isinstance(measure.statistic, Bands):
        return []
    edges = measure.statistic.edges_seconds
    upper = [f" to {edge / 60:g} min" for edge in edges[1:]] + [" min and more"]
    names = (f"{edge / 60:g}{end}" for edge, end in zip(edges, upper, strict=True))
    return [override("byName", band_name(edges, index), displayName=name) for index, name in enumerate(names)]


def _change_title(measure: Measure) -> str:
    return "change from the 12 months before" + (" (percentage points)" if measure.unit == "ratio" else "")


def _thresholds(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"mode": "absolute", "steps": list(steps)}


def _steps(measure: Measure) -> list[dict[str, Any]]:
    """Red and green on either side of a target that is a single number; no colour without such a target."""
    if measure.target_value is None or measure.good == "neither":
        return list(_PLAIN)
    below, above = ("red", "green") if measure.good == "higher" else ("green", "red")
    return [{"color": below, "value": None}, {"color": above, "value": measure.target_value}]
