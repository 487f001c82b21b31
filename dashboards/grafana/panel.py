"""The panels of one measure in Grafana's classic model: its figure now, over time, and by period."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.grafana import query
from measures.measure import Bands, Measure, Unit
from measures.reading import band_name

Panel = dict[str, Any]
PROMETHEUS = "prometheus"
"""The data source's uid, as the provisioning gives it."""
WORDS = {
    query.STATES["live"]: ("live", "green"),
    query.STATES["too_few"]: ("too few", "yellow"),
    query.STATES["stale"]: ("stale", "red"),
    query.STATES["no_data"]: ("no data", "purple"),
    query.STATES["in_part"]: ("in part", "blue"),
}
"""What a state's number is shown as."""
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
    """A reference to the source of every figure."""
    return {"type": "prometheus", "uid": uid}


def identity(*words: str) -> int:
    """A number of a panel that stays the same whatever is added beside it: links to it go on to work."""
    return zlib.crc32("/".join(words).encode()) % 1_000_000_000 + 1


def target(expression: str, letter: str, legend: str = "", *, kind: str = "instant") -> dict[str, Any]:
    """One query of a panel.

    Args:
        expression: in PromQL.
        letter: by which overrides name it.
        legend: of its series.
        kind: `instant`, `range`, or `table`, which is instant too.
    """
    return {
        "refId": letter,
        "expr": expression,
        "legendFormat": legend,
        "instant": kind != "range",
        "range": kind == "range",
        "format": "table" if kind == "table" else "time_series",
    }


def panel(kind: str, title: str, description: str, key: tuple[str, ...], **parts: Any) -> Panel:
    """A panel, not yet placed."""
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
    custom: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """How a panel writes its values."""
    defaults = {
        "unit": unit,
        "noValue": _NOTHING,
        "color": {"mode": "thresholds"},
        "thresholds": {"mode": "absolute", "steps": list(steps or _PLAIN)},
        **({"decimals": decimals} if decimals is not None else {}),
        **({"custom": dict(custom)} if custom else {}),
    }
    return {"defaults": defaults, "overrides": list(overrides)}


def override(matcher: str, matched: str, **properties: Any) -> dict[str, Any]:
    """Other rules for some of a panel's fields; `__` in a property's name stands for a dot."""
    told = [{"id": name.replace("__", "."), "value": each} for name, each in properties.items()]
    return {"matcher": {"id": matcher, "options": matched}, "properties": told}


def state_words() -> list[dict[str, Any]]:
    """The words and colours of the numbers that stand for states."""
    options = {str(number): {"text": text, "color": color, "index": number} for number, (text, color) in WORDS.items()}
    return [{"type": "value", "options": options}]


def single(text_mode: str) -> dict[str, Any]:
    """How a panel shows single values: `value`, or `value_and_name`."""
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
    """The legend below a graph."""
    return {"showLegend": is_shown, "displayMode": "list", "placement": "bottom", "calcs": []}


_TOOLTIP = {"mode": "multi", "sort": "none"}


def figure(measure: Measure) -> Panel:
    """Its value with n and state at this moment; an instant query, so that nothing older ever stands for now."""
    unit, decimals = _UNITS[measure.unit]
    told = [target(query.value(measure, query.CHOSEN), "A", _value_legend(measure))]
    if measure.unit != "count":
        told.append(target(query.taken_from(measure, query.CHOSEN), "B", "n"))
    told.append(target(query.state(measure, query.CHOSEN), "C", "state"))
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
        targets=told,
        fieldConfig=fields(unit, decimals, overrides, _steps(measure)),
        options=single("value_and_name"),
    )


def history(measure: Measure) -> Panel:
    """Its value over time with n behind it; where it was not live there is a gap, never a line drawn over it."""
    unit, decimals = _UNITS[measure.unit]
    told = [target(query.value(measure, query.CHOSEN), "A", _value_legend(measure), kind="range")]
    if measure.unit != "count":
        told.append(target(query.taken_from(measure, query.CHOSEN), "B", "n", kind="range"))
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
        targets=told,
        fieldConfig=config,
        options={"legend": legend(is_shown=True), "tooltip": _TOOLTIP},
    )


def periods(measure: Measure) -> Panel:
    """Its value by period with what it is taken from, its state, and its change on the year before."""
    unit, decimals = _UNITS[measure.unit]
    columns = {"A": "value", "B": "n", "C": "met", "D": "state", "E": _change_title(measure)}
    told = {
        "A": query.value(measure, query.REPORT),
        "B": query.taken_from(measure, query.REPORT) if measure.unit != "count" else "",
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
        targets=[target(expression, letter, kind="table") for letter, expression in told.items() if expression],
        fieldConfig=fields(unit, decimals, overrides, (), CELLS),
        options=TABLE,
        # Where the state is all there is, Grafana leaves out its letter; it must not pass for a value.
        transformations=merged(
            "window", {f"Value #{each}": name for each, name in columns.items()} | {"Value": "state"}
        ),
    )


def merged(key: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Brings a table's queries together, one row for each word of a label, the columns in order."""
    order = {name: index for index, name in enumerate((key, *columns))}
    organized = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": dict(columns)}
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": organized},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": key}]}},
    ]


def state_history(title: str, measures: Sequence[Measure], window: str) -> Panel:
    """When each of some measures could be relied on."""
    names = [each.name for each in measures]
    return panel(
        "state-timeline",
        f"{title}: when the figures were live",
        "The state of each figure over time. Live: it can be relied on. In part: the record does not hold all of the window. "
        "Too few: taken from so few that it says little. Stale: a feed it stands on is silent. No data: nothing it could be "
        "taken from. Where there is no bar at all, nothing was scraped.",
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
    """What the figure means, for whoever points at the panel."""
    parts = (
        measure.question,
        measure.population,
        f"Clock: {measure.clock}" if measure.clock else "",
        f"Target: {measure.target}" if measure.target else "",
        f"Better: {measure.good}" if measure.good != "neither" else "",
        f"Below n = {measure.minimum_n} it shows no value but says too few" if measure.minimum_n > 1 else "",
        f"`bluelamp read {measure.name}` gives the same",
    )
    return "\n\n".join(part if part.endswith((".", "?")) else f"{part}." for part in parts if part)


def _title(measure: Measure) -> str:
    """What stands open is of now; everything else names its window."""
    return measure.title if measure.is_open() else f"{measure.title} · $window"


def _value_legend(measure: Measure) -> str:
    return "{{band}}" if query.has_bands(measure) else "value"


def _band_names(measure: Measure) -> list[dict[str, Any]]:
    """Bands by their minutes instead of their sorted names in seconds."""
    if not isinstance(measure.statistic, Bands):
        return []
    edges = measure.statistic.edges_seconds
    upper = [f" to {edge / 60:g} min" for edge in edges[1:]] + [" min and more"]
    names = (f"{edge / 60:g}{end}" for edge, end in zip(edges, upper, strict=True))
    return [override("byName", band_name(edges, index), displayName=name) for index, name in enumerate(names)]


def _change_title(measure: Measure) -> str:
    return "change on the 12 months before" + (" (percentage points)" if measure.unit == "ratio" else "")


def _thresholds(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"mode": "absolute", "steps": list(steps)}


def _steps(measure: Measure) -> list[dict[str, Any]]:
    """Red on the wrong side of a target that is one number; without one there is no colour to tell good from bad."""
    if measure.target_value is None or measure.good == "neither":
        return list(_PLAIN)
    below, above = ("red", "green") if measure.good == "higher" else ("green", "red")
    return [{"color": below, "value": None}, {"color": above, "value": measure.target_value}]
