"""The report as one self-contained HTML page, without scripts or other files; each printed page has the marking."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards.report.definitions import CHARTS, ROUNDING, definition
from dashboards.report.document import Document
from dashboards.report.summary import summary


def html(document: Document) -> str:
    """The report as HTML."""
    pages = Environment(
        loader=PackageLoader("dashboards.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    style = files("dashboards.report").joinpath("templates", "report.css").read_text("utf-8")
    variables = {
        "document": document,
        "summary": summary(document),
        "style": style,
        "rounding": ROUNDING,
        "charts": CHARTS,
        "definition": definition,
    }
    return pages.get_template("report.html").render(variables)
