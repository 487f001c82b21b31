"""The report as one HTML page that needs nothing else: no script, no other file; it prints with its marking on each page."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards.report.document import Document
from measures.measure import Measure


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


def statistic_words(measure: Measure) -> str:
    """How a measure is taken, in a word and its unit."""
    unit = {"count": "a count", "ratio": "a share", "seconds": "in seconds, shown in each table's unit"}[measure.unit]
    return f"{type(measure.statistic).__name__}, {unit}; version {measure.version} of the definition"
