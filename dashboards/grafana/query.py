"""The PromQL of the panels: a measure's value, n, state and change over a year."""

from measures.measure import Bands, Measure
from measures.window import REPORT_WINDOWS
from streams.names import metric_name

STATES = {"live": 1, "too_few": 2, "stale": 3, "no_data": 4, "in_part": 5}
"""The number of each state in a panel: Grafana can replace numbers with words, but not labels."""
CHOSEN = 'window="$window"'
REPORT = f'window=~"{"|".join(REPORT_WINDOWS)}"'
_FORCE = 'force="$force"'
_NAMES = "force, measure, window"


def value(measure: Measure, window: str) -> str:
    """The value; no sample unless it is live.

    Args:
        measure: the measure.
        window: a matcher of windows; ignored for measures of open items, which have none.
    """
    return _greatest(measure, metric_name(measure), window)


def n(measure: Measure, window: str) -> str:
    """The n of the figure."""
    return _greatest(measure, f"{metric_name(measure)}_n", window)


def met(measure: Measure, window: str) -> str:
    """The numerator of a ratio."""
    return _greatest(measure, f"{metric_name(measure)}_met", window)


def state(measure: Measure, window: str) -> str:
    """The number of the figure's state."""
    return _states(f'{_FORCE}, measure="{measure.name}"' + ("" if measure.is_open() else f", {window}"), "window")


def states(measures: list[Measure], window: str) -> str:
    """The numbers of the states of several measures, by measure."""
    names = "|".join(each.name for each in measures)
    return _states(f'{_FORCE}, measure=~"{names}", {window}', "measure")


def change_on_previous_year(measure: Measure) -> str:
    """The change from the 12 months before to the last 12 months, if the record covers both.

    The change of a ratio is in percentage points; any other change is relative.
    """
    now, before = (_greatest(measure, metric_name(measure), f'window="{name}"') for name in ("12m", "previous_12m"))
    matching = "ignoring (window) group_left ()"
    change = (
        f"100 * ({now} - {matching} {before})" if measure.unit == "ratio" else f"{now} / {matching} ({before} > 0) - 1"
    )
    in_part = f'bluelamp_reading_in_part{{{_FORCE}, measure="{measure.name}", window=~"12m|previous_12m"}}'
    return f"({change}) unless on () {in_part}"


def has_bands(measure: Measure) -> bool:
    """Whether the measure has a value for each of several bands."""
    return isinstance(measure.statistic, Bands)


def _greatest(measure: Measure, metric: str, window: str) -> str:
    """The greatest sample, so that two exporters of one state count once."""
    limits = _FORCE if measure.is_open() else f"{_FORCE}, {window}"
    names = ("force" if measure.is_open() else "window") + (", band" if has_bands(measure) else "")
    return f"max by ({names}) ({metric}{{{limits}}})"


def _states(limits: str, by: str) -> str:
    def greatest(metric: str) -> str:
        return f"max by ({_NAMES}) (bluelamp_reading_{metric})"

    each = {name: greatest(f'state{{{limits}, state="{name}"}}') for name in STATES}
    # Live, although the record does not cover the whole window: the first hour of a force, or a month not yet complete.
    in_part = f"({each['live']} and {greatest(f'in_part{{{limits}}}')}) * {STATES['in_part']}"
    numbered = (f"{query} * {STATES[name]}" for name, query in each.items())
    return f"max by ({by}) ({' or '.join((in_part, *numbered))})"
