"""The report as one HTML page that needs nothing else: no script, no other file; it prints with its marking on each page."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards.report.document import Document
from measures.measure import Bands, Count, Decided, External, Mean, Measure, Median, Share, SpanWithin, Statistic


def html(document: Document) -> str:
    """The page."""
    pages = Environment(
        loader=PackageLoader("dashboards.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    style = files("dashboards.report").joinpath("templates", "report.css").read_text("utf-8")
    told = {"document": document, "style": style, "statistic": statistic_words}
    return pages.get_template("report.html").render(told)


_STATISTICS: dict[type[Statistic], str] = {
    Count: "A count",
    Share: "A share",
    Decided: "A share of what is decided",
    SpanWithin: "A share",
    Mean: "The mean",
    Median: "The median",
    Bands: "Counts in bands",
    External: "Published by others",
}


def statistic_words(measure: Measure) -> str:
    """How a measure is taken, in words."""
    return f"{_STATISTICS[type(measure.statistic)]}; version {measure.version} of the definition"
