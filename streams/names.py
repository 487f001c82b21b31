"""Which measures have a metric, and its name; rules and panels are written from these names."""

import re

from measures.measure import External, Measure

_SPAN = re.compile(r"(\d+)_(minutes|hours)")
_SPAN_SECONDS = {"minutes": 60, "hours": 3600}


def metric_name(measure: Measure) -> str:
    """The name of a measure's metric.

    It follows Prometheus' conventions: durations are in seconds, in names too, and the suffix _count is reserved for
    histograms and summaries.
    """
    name = _SPAN.sub(lambda span: f"{int(span[1]) * _SPAN_SECONDS[span[2]]}_seconds", measure.name)
    name = name.replace("contact_us_", "contactus_")  # promtool takes "us" for microseconds
    name = name.replace(
        "_working_days_", "_workdays_"
    )  # promtool takes "days" for a unit of time; working days are not one
    return f"bluelamp_{name.removesuffix('_count')}"


def is_exported(measure: Measure) -> bool:
    """Whether it has a metric; figures that other bodies publish have none, nor has what could show what a person does."""
    return not isinstance(measure.statistic, External) and not measure.is_of_people()


def detainee_metric_name(measure: Measure) -> str:
    """The name of the metric with a series for each detainee whom a measure of custody counts."""
    return f"{metric_name(measure)}_detainee"
