"""Where the published reports contradict themselves: both figures are quoted and never corrected (reports A6)."""

import re
from collections.abc import Iterable

from msgspec import Struct


class Disagreement(Struct, frozen=True):
    """One contradiction.

    Attributes:
        number: the number by which measures' notes refer to it.
        what: the figures that conflict.
        explanation: how we explain or treat it.
    """

    number: str
    what: str
    explanation: str


DISAGREEMENTS = (
    Disagreement(
        "I1",
        "999 average time to answer: 10.01 s (6.1), 12.65 s (6)",
        "the force's clock, and BT's clock, which includes BT's transfer; the periods differ too",
    ),
    Disagreement(
        "I2",
        "999 volume: 212,246, -11.00%; 210,266, -8.8%",
        "the force's count and BT's; the implied previous years differ by 7,989, and one month's difference does not explain that",
    ),
    Disagreement(
        "I3",
        "under 10 s, 85.5%: 17th (6) and 26th (6.1) of the forces",
        "26th is also the rank by volume: probably a copying error",
    ),
    Disagreement(
        "I4",
        "incidents 252,917 (by group and area); 260,123 (by priority)",
        "the 9,033 duplicates do not explain it; our figures add up to one total",
    ),
    Disagreement(
        "I5",
        'domestic Grade 2 within 2 h "improved" to 27 per cent (1.1)',
        "in 6.2, 27.34% is the previous year and 36.12% the last 12 months",
    ),
    Disagreement(
        "I6",
        "Grade 2 median 123.27 min below a domestic table whose own median is 17:43:13",
        "two populations under one heading",
    ),
    Disagreement(
        "I7",
        "median 123.27 min, yet only 36.12% within 120 min",
        "the share probably includes unattended incidents and the median does not",
    ),
    Disagreement(
        "I8",
        "Grade 1 medians 5.30 + 9.65, whole 16.85",
        "not an error: medians do not add up",
    ),
    Disagreement(
        "I9",
        'change in referral time from 52 h to 40 h printed as "-33% (-8 hours)"',
        "it is -12 hours, or -23%; the Victims' Code says two working days, not 48 hours",
    ),
    Disagreement(
        "I10",
        "ASB area rows add up to 15,299 and 16,409",
        "the totals are 15,297 and 16,410",
    ),
    Disagreement(
        "I11",
        "differences that do not match the printed figures (-0.28, -2.69%, -0.8, -7.5%, -11.3%)",
        "calculated from unrounded figures",
    ),
    Disagreement(
        "I12",
        '"%" for percentage points (-0.11%, +12.9%, 3.0%)',
        "we call them percentage points",
    ),
    Disagreement(
        "I13",
        "three abandonment figures: 0.70%, 13%, 45.9%",
        "each has a different denominator; our figures state theirs",
    ),
    Disagreement(
        "I14",
        "wait bands overlap; shares add up to 101%",
        "our bands do not overlap: each excludes its upper edge",
    ),
    Disagreement(
        "I15",
        'contracts "eighty-nine per cent" and 89.77%',
        "different populations: open and closed crimes, or only closed ones; ours are crimes recorded in the period and closed since",
    ),
    Disagreement(
        "I16",
        "arrests counted as detainees for the 5.3% of children",
        "they differ by voluntary attendance, refused detentions and returns from bail",
    ),
    Disagreement(
        "I17",
        "injury levels differ between two systems",
        "the report itself says so",
    ),
    Disagreement(
        "I18",
        'investigation median 66 to 72 shown as "-6", and others like it',
        "quoted as printed",
    ),
    Disagreement(
        "I19",
        "S18: three totals of crime for one year",
        "dates of offence and dates of recording are mixed",
    ),
    Disagreement(
        "I20",
        "repeat victims: 19 per cent (9,517) of victims, 39% (26,658) of crimes with a named victim",
        (
            "the first counts people with several crimes, the second all of their crimes; ours count links whose party had another "
            "link in the twelve months before: at least 25.0% by the same table, and 36.9% by the domestic abuse table; a simulated "
            "force uses the published shares"
        ),
    ),
)

_REFERENCE = re.compile(r"\bI\d+\b")


def referred(texts: Iterable[str]) -> list[Disagreement]:
    """The disagreements that texts refer to, each once, in order."""
    numbers = {number for text in texts for number in _REFERENCE.findall(text)}
    return [each for each in DISAGREEMENTS if each.number in numbers]
