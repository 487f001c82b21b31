"""The current figure of an alert: as the page, e-mails and webhooks report it."""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alerts.engine import SampleLike, combined, judge
from alerts.rule import Rule, Threshold
from alerts.table import FORECAST_999
from measures.catalogue import find
from measures.display import doubt_words, words
from measures.measure import Unit

Samples = Mapping[str, Sequence[SampleLike]]
"""The exporter's current samples of the series that rules evaluate, by metric name."""


class AlertFigure(Struct, frozen=True, kw_only=True):
    """The current figure of an alert; without a value if there is no live one, and the alert then stays active.

    Attributes:
        value: in its unit.
        words: the value as text.
        unit: the measure's unit; empty for figures about Blue Lamp itself.
        n: the sample size, where there is one.
        expected_lower: the lower control limit for this hour of the week.
        expected: the centre line.
        expected_upper: the upper control limit.
        band_words: the band as text; empty if it is not known.
        doubt_words: what is not recorded of the figure, with the bounds of a share; empty if everything is recorded.
        limit_words: the limit beyond which it is bad, as text.
        is_bad: whether it is bad now; None if unknown. An alert stays active until its figure has been good for long enough.
        is_forecast: whether the alert is about a forecast. Only the exporter makes it, so there is no value here, and the words say
            where to see it.
    """

    value: float | None
    words: str
    unit: Unit | str
    n: int | None = None
    expected_lower: float | None = None
    expected: float | None = None
    expected_upper: float | None = None
    band_words: str = ""
    doubt_words: str = ""
    limit_words: str = ""
    is_bad: bool | None = None
    is_forecast: bool = False


_FORECAST = AlertFigure(
    value=None,
    words="a forecast, which What if shows: the alert ends when the forecast is better, or when there is none",
    unit="",
    limit_words="more than 80% sure",
    is_forecast=True,
)


def figure(rule: Rule, scope: Mapping[str, str], samples: Samples) -> AlertFigure:
    """The current figure that a rule evaluates."""
    if rule.series.metric == FORECAST_999:
        return _FORECAST
    key = tuple(scope.get(name, "") for name in rule.series.by)
    value, n, lower, centre, upper = (
        _known(combined(rule.series, ending, samples).get(key))
        for ending in ("", "_n", "_expected_lower", "_expected", "_expected_upper")
    )
    unit = find(rule.measure).unit if rule.measure else ""
    has_band = lower is not None and upper is not None
    return AlertFigure(
        value=value,
        words=_text(value, unit),
        unit=unit,
        n=None if n is None else int(n),
        expected_lower=lower,
        expected=centre,
        expected_upper=upper,
        band_words=f"normal for this hour: {_text(lower, unit)} to {_text(upper, unit)}" if has_band else "",
        doubt_words=_doubt_words(rule, key, samples),
        limit_words=_limit_words(rule, unit),
        is_bad=judge(rule, lambda ending: combined(rule.series, ending, samples)).get(key),
    )


def number_words(value: float, measure: str) -> str:
    """A figure of a measure as text; of Blue Lamp itself, if there is no measure."""
    return _text(value, find(measure).unit if measure else "")


def _doubt_words(rule: Rule, key: tuple[str, ...], samples: Samples) -> str:
    """What is not recorded of a measure's figure. A rule that evaluates a bound also says what the share itself is."""
    if not rule.measure:
        return ""
    series, unit = replace(rule.series, bound=""), find(rule.measure).unit
    share, low, high, unrecorded = (
        _known(combined(series, ending, samples).get(key)) for ending in ("", "_low", "_high", "_unrecorded")
    )
    doubt = doubt_words(low, high, int(unrecorded or 0), unit)
    if not doubt or not rule.series.bound:
        return doubt
    return f"{_text(share, unit)} as recorded, {doubt}; the rule evaluates the worse bound"


def _limit_words(rule: Rule, unit: Unit | str) -> str:
    match rule.condition:
        case Threshold(side=side, limit=limit):
            return f"{side} {_text(limit, unit)}"
        case outside:
            return f"{outside.side} normal for this hour"


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _text(value: float | None, unit: Unit | str) -> str:
    if value is None or unit not in ("count", "seconds", "ratio"):
        return "-" if value is None else f"{round(value, 3):g}"
    return words(value, unit)
