"""Names of labels and units of measures in tables: from the force's profile and the published report."""

from collections.abc import Iterable
from fractions import Fraction

from dashboards.report.layout import MINUTES, SECONDS, Line, Lines, sections
from dashboards.report.words import COUNT, PERCENT, Unit
from facts.force import NONE, UNLISTED, Force
from measures.measure import DERIVED_DIMENSIONS, Measure
from measures.rules import Rules

_LISTED = {
    "area": "areas",
    "group": "groups",
    "grade": "grades",
    "type": "occurrence_types",
    "skill": "skills",
    "channel": "channels",
    "suite": "suites",
    "queue": "queues",
    "category": "categories",
}
"""The part of a profile that lists the labels of each dimension."""

_MINUTE = 60


def named(force: Force, dimension: str, seen: Iterable[str], none: str = "None") -> list[tuple[str, str]]:
    """The labels of a dimension with their names: those in the profile, in its order, then any others that have figures.

    Args:
        force: the force.
        dimension: the dimension.
        seen: the labels that have figures.
        none: the name for "no label".
    """
    listed = {term.label: term.name for term in getattr(force, _LISTED.get(dimension, ""), ())}
    others = {NONE: none, UNLISTED: "Not listed in the profile"}
    rest = sorted(set(seen) - listed.keys(), key=_last)
    return [*listed.items(), *((word, others.get(word, word.replace("_", " ").capitalize())) for word in rest)]


def countable(measure: Measure, dimension: str, force: Force) -> frozenset[str]:
    """The labels of a dimension that the profile lists and the measure can count: an ASB measure counts no crime types."""
    derived = Rules(force).derived
    limits = [
        (derived[name], words) for name, words in measure.where.items() if DERIVED_DIMENSIONS.get(name) == dimension
    ]
    listed = (term.label for term in getattr(force, _LISTED.get(dimension, ""), ()))
    return frozenset(word for word in listed if all(of.get(word) in words for of, words in limits))


def _last(word: str) -> tuple[bool, str]:
    """A sort key that puts none and unlisted last."""
    return word in (NONE, UNLISTED), word


def band_words(band: str) -> str:
    """A band of seconds in words, such as `00000-01200`: 0 to 20 minutes."""
    lower, _, upper = band.partition("-")
    first = Fraction(int(lower), _MINUTE)
    return f"{first} to {Fraction(int(upper), _MINUTE)} minutes" if upper else f"{first} minutes or more"


def line_of(measure: Measure, force: Force) -> Line:
    """A measure with the unit that the published report uses, or the usual unit where the report does not have it."""
    for section in sections(force):
        for table in section.tables:
            lines = table.lines if isinstance(table, Lines) else ()
            if unit := next((each.unit for each in lines if each.measure == measure.name), None):
                return Line(measure.name, measure.title, unit)
    return Line(measure.name, measure.title, _unit(measure))


def _unit(measure: Measure) -> Unit:
    if measure.unit == "seconds":
        return SECONDS if "contacts" in measure.topics() else MINUTES
    return {"count": COUNT, "ratio": PERCENT}[measure.unit]
