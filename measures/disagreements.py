"""Where the published reports disagree with themselves: both figures are quoted, and never mended (reports A6)."""

import re
from collections.abc import Iterable

from msgspec import Struct


class Disagreement(Struct, frozen=True):
    """One case.

    Attributes:
        number: as notes of measures refer to it.
        what: what conflicts.
        made_of: what we make of it.
    """

    number: str
    what: str
    made_of: str


DISAGREEMENTS = (
    Disagreement(
        "I1",
        "999 average time to answer: 10.01 s (6.1), 12.65 s (6)",
        "the force's clock and BT's, which includes BT's transfer; other period too",
    ),
    Disagreement(
        "I2",
        "999 volume: 212,246, -11.00 %; 210,266, -8.8 %",
        "force and BT; the implied previous years differ by 7,989, more than a month's shift explains",
    ),
    Disagreement(
        "I3",
        "under 10 s, 85.5 %: 17th (6) and 26th (6.1) of the forces",
        "26th is also the rank by volume: probably a slip of copying",
    ),
    Disagreement(
        "I4",
        "incidents 252,917 (by group and area); 260,123 (by priority)",
        "not explained by the 9,033 duplicates; ours adds to one total",
    ),
    Disagreement(
        "I5",
        'domestic Grade 2 within 2 h "improved" to 27 per cent (1.1)',
        "27.34 % is the previous year in 6.2, where the last is 36.12 %",
    ),
    Disagreement(
        "I6",
        "Grade 2 median 123.27 min under a domestic table whose own is 17:43:13",
        "two populations under one heading",
    ),
    Disagreement(
        "I7",
        "median 123.27 min, yet only 36.12 % within 120",
        "unattended jobs are probably in the share and not in the median",
    ),
    Disagreement(
        "I8",
        "Grade 1 medians 5.30 + 9.65, whole 16.85",
        "no error: medians do not add",
    ),
    Disagreement(
        "I9",
        'referral 52 h to 40 h printed "-33 % (-8 hours)"',
        "it is -12 hours, -23 %; and the Code says two working days, not 48 hours",
    ),
    Disagreement(
        "I10",
        "ASB area rows add to 15,299 and 16,409",
        "the totals are 15,297 and 16,410",
    ),
    Disagreement(
        "I11",
        "differences that do not follow from the figures beside them (-0.28, -2.69 %, -0.8, -7.5 %, -11.3 %)",
        "computed unrounded, printed rounded",
    ),
    Disagreement(
        "I12",
        '"%" for percentage points (-0.11 %, +12.9 %, 3.0 %)',
        "called percentage points here",
    ),
    Disagreement(
        "I13",
        "three abandonment figures: 0.70 %, 13 %, 45.9 %",
        "no denominator in common; each of ours prints its own",
    ),
    Disagreement(
        "I14",
        "wait bands overlap, shares add to 101 %",
        "half-open bands",
    ),
    Disagreement(
        "I15",
        'contracts "eighty-nine per cent" and 89.77 %',
        "other populations: open and closed crimes, and the closed ones alone; ours are the closed ones of the crimes recorded in the period",
    ),
    Disagreement(
        "I16",
        "arrests used as detainees for the 5.3 % of children",
        "they differ: voluntary attendance, refusals, returns from bail",
    ),
    Disagreement(
        "I17",
        "injury levels differ between two systems",
        "the report says so itself",
    ),
    Disagreement(
        "I18",
        'investigation median 66 to 72 shown as "-6", and others like it',
        "printed as they are",
    ),
    Disagreement(
        "I19",
        "S18: three totals of crime for one year",
        "committed and recorded dates mixed",
    ),
    Disagreement(
        "I20",
        "repeat victims: 19 per cent (9,517) of victims, 39 % (26,658) of crimes with a named victim",
        (
            "persons of several crimes, and all of their crimes; ours are links of a party that had another in the twelve months before: "
            "by the same table 25.0 % at least, by that of domestic abuse 36.9 %; those of a simulated force are set to the published shares"
        ),
    ),
)

_REFERENCE = re.compile(r"\bI\d+\b")


def referred(texts: Iterable[str]) -> list[Disagreement]:
    """The cases that notes refer to, each once, in their order."""
    numbers = {number for text in texts for number in _REFERENCE.findall(text)}
    return [each for each in DISAGREEMENTS if each.number in numbers]
