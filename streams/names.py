"""The names of the exporter's metrics, for those who write rules and panels upon them."""

from measures.measure import Measure


def metric_name(measure: Measure) -> str:
    """The metric of a measure's value: the ending _count is Prometheus' own, for histograms and summaries."""
    return f"bluelamp_{measure.name.removesuffix('_count')}"
