"""The catalogue: every measure, in the order an operator reads it."""

from facts.errors import QuestionError
from measures.catalogue.contact import DIGITAL, EMERGENCY, NON_EMERGENCY
from measures.catalogue.custody import CUSTODY
from measures.catalogue.incident import ATTENDANCE, DEMAND, OPEN, QUALITY
from measures.catalogue.occurrence import CONTRACTS, COUNTED, OCCURRENCES, REPEATS
from measures.catalogue.record import RECORD
from measures.measure import Measure

CATALOGUE: dict[str, Measure] = {
    measure.name: measure
    for group in (
        (*EMERGENCY, *NON_EMERGENCY, *DIGITAL),
        (*DEMAND, *ATTENDANCE, *OPEN, *QUALITY),
        (*CUSTODY, *OCCURRENCES, *REPEATS, *CONTRACTS, *COUNTED, *RECORD),
    )
    for measure in group
}


def find(name: str) -> Measure:
    """The measure of a name.

    Raises:
        QuestionError: there is none; names some that are near.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = [
        known for known in CATALOGUE if set(name.split("_")) & set(known.split("_")) - {"count", "ratio", "seconds"}
    ]
    hint = (
        f"Near it: {', '.join(near[:5])}."
        if near
        else "The board's page All measures and `bluelamp measures` list them all."
    )
    raise QuestionError(f"There is no measure {name!r}.", where="MEASURE", hint=hint)
