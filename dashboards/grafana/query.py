"""The PromQL behind the panels: a measure's value, what it is taken from, its state, and its change over a year."""

from measures.measure import Bands, Measure
from measures.window import REPORT_WINDOWS
from streams.names import metric_name

STATES = {"live": 1, "too_few": 2, "stale": 3, "no_data": 4, "in_part": 5}
"""The numbers that stand for a reading's state in a panel: Grafana puts words to numbers, not to labels."""
CHOSEN = 'window="$window"'
REPORT = f'window=~"{"|".join(REPORT_WINDOWS)}"'
_FORCE = 'force="$force"'
_NAMES = "force, measure, window"


def value(measure: Measure, window: str) -> str:
    """The value; nothing unless it is live.

    Args:
        measure: whose metric.
        window: a matcher of windows; measures of what stands open have none, and need none.
    """
    return _taken(measure, metric_name(measure), window)


def taken_from(measure: Measure, window: str) -> str:
    """How many it is taken from: n."""
    return _taken(measure, f"{metric_name(measure)}_n", window)


def met(measure: Measure, window: str) -> str:
    """How many of them are so: the numerator of a ratio."""
    return _taken(measure, f"{metric_name(measure)}_met", window)


def state(measure: Measure, window: str) -> str:
    """The number of its state."""
    return _states(f'{_FORCE}, measure="{measure.name}"' + ("" if measure.is_open() else f", {window}"), "window")


def states(measures: list[Measure], window: str) -> str:
    """The numbers of the states of many measures, each by its name."""
    names = "|".join(each.name for each in measures)
    return _states(f'{_FORCE}, measure=~"{names}", {window}', "measure")


def change_on_previous_year(measure: Measure) -> str:
    """The last 12 months against the 12 before, only where both are whole: a difference of ratios, or a relative one.

    A ratio changes by percentage points (100 of them make 1); everything else by a share of what it was.
    """
    now, before = (_taken(measure, metric_name(measure), f'window="{name}"') for name in ("12m", "previous_12m"))
    matching = "ignoring (window) group_left ()"
    change = (
        f"100 * ({now} - {matching} {before})" if measure.unit == "ratio" else f"{now} / {matching} ({before} > 0) - 1"
    )
    in_part = f'bluelamp_reading_in_part{{{_FORCE}, measure="{measure.name}", window=~"12m|previous_12m"}}'
    return f"({change}) unless on () {in_part}"


def has_bands(measure: Measure) -> bool:
    """Whether it has a value for each of several bands."""
    return isinstance(measure.statistic, Bands)


def _taken(measure: Measure, metric: str, window: str) -> str:
    """The greatest, so that two exporters of one state count once."""
    limits = _FORCE if measure.is_open() else f"{_FORCE}, {window}"
    names = ("force" if measure.is_open() else "window") + (", band" if has_bands(measure) else "")
    return f"max by ({names}) ({metric}{{{limits}}})"


def _states(limits: str, by: str) -> str:
    def taken(metric: str) -> str:
        return f"max by ({_NAMES}) (bluelamp_reading_{metric})"

    each = {name: taken(f'state{{{limits}, state="{name}"}}') for name in STATES}
    # Live, and still of less than its window: the first hour of a force, or a month that its feeds are about to complete.
    in_part = f"({each['live']} and {taken(f'in_part{{{limits}}}')}) * {STATES['in_part']}"
    numbered = (f"{query} * {STATES[name]}" for name, query in each.items())
    return f"max by ({by}) ({' or '.join((in_part, *numbered))})"
