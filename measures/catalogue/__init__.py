"""The catalogue: every measure, in the order in which the board lists them."""

from facts.errors import QuestionError
from measures.catalogue.call_taker import CALL_TAKERS
from measures.catalogue.contact import DIGITAL, EMERGENCY, NON_EMERGENCY
from measures.catalogue.custody import CUSTODY
from measures.catalogue.incident import ATTENDANCE, DEMAND, OPEN, QUALITY
from measures.catalogue.occurrence import CONTRACTS, COUNTED, OCCURRENCES, REPEATS
from measures.catalogue.record import RECORD
from measures.measure import Measure, Place

CATALOGUE: dict[str, Measure] = {
    measure.name: measure
    for group in (
        (*EMERGENCY, *NON_EMERGENCY, *DIGITAL),
        (*DEMAND, *ATTENDANCE, *OPEN, *QUALITY),
        (*CUSTODY, *OCCURRENCES, *REPEATS, *CONTRACTS, *COUNTED, *CALL_TAKERS, *RECORD),
    )
    for measure in group
}


def shown(place: Place) -> tuple[Measure, ...]:
    """The measures that appear in a place, in the order of the catalogue."""
    return tuple(measure for measure in CATALOGUE.values() if place in measure.show)


def find(name: str) -> Measure:
    """The measure with a name.

    Raises:
        QuestionError: no measure has this name; the hint lists similar ones.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    similar = [
        other for other in CATALOGUE if set(name.split("_")) & set(other.split("_")) - {"count", "ratio", "seconds"}
    ]
    hint = (
        f"Similar names: {', '.join(similar[:5])}."
        if similar
        else "See the list on the board's page All measures, or run `bluelamp measures`."
    )
    raise QuestionError(f"There is no measure {name!r}.", where="MEASURE", hint=hint)
