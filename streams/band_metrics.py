"""The band, what is normal for this hour of the week, as metrics of every measure that has one."""

import logging
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from facts.errors import QuestionError
from measures.band import Band
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from streams.names import metric_name
from streams.reading_metrics import ReadingFilter, all_readings
from streams.readings import Reader

_LIMITS = (
    ("lower", "expected_lower", "The lower control limit"),
    ("expected", "expected", "The expected value"),
    ("upper", "expected_upper", "The upper control limit"),
)
_logger = logging.getLogger("bluelamp.exporter")


def band_families(reader: Reader, is_wanted: ReadingFilter = all_readings) -> Iterator[Metric]:
    """The expected value and the control limits of every measure that has a band.

    Args:
        reader: the reader of the state; called within one of its moments.
        is_wanted: whether to include a measure over a window.
    """
    for measure in CATALOGUE.values():
        if measure.has_band and is_wanted(measure.name, "60m"):
            bands = [(force, _band(reader, measure, force)) for force in _forces(reader, measure)]
            for attribute, ending, words in _LIMITS:
                question = f"{words} for this hour of the week: {measure.question}"
                family = GaugeMetricFamily(f"{metric_name(measure)}_{ending}", question, labels=["force", "window"])
                for force, band in bands:
                    if band:
                        family.add_metric([force, "60m"], getattr(band, attribute))
                yield family


def _band(reader: Reader, measure: Measure, force: str) -> Band | None:
    try:
        return reader.band(measure, force)
    except QuestionError as error:
        _logger.warning("no band for %s: %s", measure.name, error.what)
        return None


def _forces(reader: Reader, measure: Measure) -> list[str]:
    return [force for force, rules in reader.rules.items() if measure.feeds(rules.force)]
