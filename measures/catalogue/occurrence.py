"""Measures of occurrences: crime and ASB, victims' referrals and contracts, repeats, and what is only counted (reports A5)."""

from facts.force import UNLISTED, Family
from measures.measure import Count, Decided, Mean, Measure, Selection, Share, Where

OCCURRENCES = (
    Measure(
        name="occurrence_count",
        title="Occurrences",
        question="How many occurrences were recorded?",
        population=(
            "Crimes, ASB and other occurrences recorded, by type and area, those of types that the profile does not list among them. Fatal "
            "collisions, stop and searches and notifications of schools are counted by themselves and are not in it."
        ),
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"family": ("crime", "asb", "other", UNLISTED)},
        version=2,
    ),
    Measure(
        name="crime_count",
        title="Crimes",
        question="How many crimes were recorded?",
        population="Occurrences of the types that the force's profile counts among crime, by type and area.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"family": ("crime",)},
        rows=("A5.53",),
        notes=(
            (
                "Of the date of recording. S18 takes the date of committing for all but sexual and drug offences, and gives three "
                "totals of one year (reports I19)."
            ),
        ),
    ),
    Measure(
        name="asb_occurrence_count",
        title="ASB occurrences",
        question="How many occurrences of anti-social behaviour were recorded?",
        population="Occurrences of the types that the force's profile counts among ASB.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"family": ("asb",)},
        rows=("A5.44", "A5.45"),
        notes=(
            (
                "15,297 ASB occurrences are not the 12,309 ASB incidents; the area rows add to 15,299 and 16,409, not to the "
                "totals 15,297 and 16,410 (reports I10)."
            ),
        ),
    ),
    Measure(
        name="asb_incident_count",
        title="ASB incidents",
        question="How many incidents of anti-social behaviour were opened?",
        population="Incidents of the group ASB.",
        statistic=Count(Selection("incident_opened")),
        unit="count",
        where={"group": ("asb",)},
        rows=("A5.43",),
    ),
    Measure(
        name="victim_referred_within_48_hours_ratio",
        title="Victims referred within 48 h",
        question="Of the crimes with a victim, what share was sent to the victims' gateway within 48 hours?",
        population="Victim-based crimes referred, or beyond 48 hours without a referral.",
        clock="Occurrence recorded, to referred; 48 elapsed hours.",
        statistic=Decided(Selection("recorded_to_referred_decided")),
        unit="ratio",
        good="higher",
        target="within 48 hours (S25 section 5; the Code says two working days, reports I9)",
        minimum_n=5,
        rows=("A5.47",),
    ),
    Measure(
        name="victim_referred_within_2_working_days_ratio",
        title="Victims referred within 2 working days",
        question="Of the crimes with a victim, what share was sent to the victims' gateway within two working days?",
        population="Victim-based crimes referred, or beyond two working days without a referral.",
        clock=(
            "Occurrence recorded, to referred; until the end of the second working day after the local day of recording. "
            "Saturdays, Sundays and bank holidays are not worked."
        ),
        statistic=Decided(Selection("recorded_to_referred_within_2_working_days_decided")),
        unit="ratio",
        good="higher",
        target="within two working days (the Victims' Code, right 4; S25 section 5.1)",
        minimum_n=5,
        rows=("A5.47",),
        notes=(
            (
                "The report measures 48 elapsed hours and quotes the Code's two working days: the published figures are of the "
                "48 hours alone (reports I9)."
            ),
        ),
    ),
    Measure(
        name="victim_referral_mean_seconds",
        title="Average time to refer a victim",
        question="On average, how long did it take to send a victim to the victims' gateway?",
        population="Occurrences referred.",
        clock="Occurrence recorded, to referred.",
        statistic=Mean(Selection("recorded_to_referred")),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A5.48",),
        notes=("52 h to 40 h is printed as -33 % (-8 hours); it is -23 % and -12 hours (reports I9).",),
    ),
)

_LINKED = Selection("party_linked")
_DOMESTIC_LINKED = Selection("domestic_party_linked")
_LINKS = (
    "Of links, not of persons: the report counts each person or address once in twelve months. Whoever was in three occurrences of a "
    "year is one repeat of the report's, and two of the three links are repeats (reports I20). No fact says who or where, so that nobody counts persons."
)


def _repeat(name: str, title: str, what: str, kind: str, where: Where, notes: tuple[str, ...], row: str) -> Measure:
    """The share of links that are repeats.

    Args:
        name: of the measure.
        title: as a board shows it.
        what: is linked to what, in words.
        kind: of outcome.
        where: which links.
        notes: besides the one on links.
        row: of the reports.
    """
    of = Selection(kind)
    return Measure(
        name=name,
        title=title,
        question=f"Of the {what}, what share had another such link in the twelve months before?",
        population=f"{what[0].upper()}{what[1:]}, each when it was linked; in report windows by the day of recording of its occurrence.",
        statistic=Share(met=(Selection(kind, {"repeat": ("yes",)}),), of=(of,)),
        unit="ratio",
        where=where,
        good="lower",
        minimum_n=5,
        rows=(row,),
        notes=(_LINKS, *notes),
        version=2,
    )


REPEATS = (
    Measure(
        name="asb_party_linked_count",
        title="ASB: parties linked",
        question="How many suspects, victims and addresses were linked to ASB occurrences?",
        population="Links of suspects, victims and addresses to ASB occurrences, each link by itself.",
        statistic=Count(_LINKED),
        unit="count",
        where={"family": ("asb",)},
        rows=("A5.46",),
    ),
    *(
        _repeat(
            f"asb_repeat_{who}_ratio",
            f"ASB: repeat {several}",
            f"links of {several} to ASB occurrences",
            "party_linked",
            {"family": ("asb",), "role": (who,)},
            (),
            "A5.46",
        )
        for who, several in (("suspect", "suspects"), ("victim", "victims"), ("address", "addresses"))
    ),
    Measure(
        name="crime_victim_linked_count",
        title="Victims linked to crimes",
        question="How many victims were linked to crimes?",
        population="Links of victims to crimes, each link by itself.",
        statistic=Count(_LINKED),
        unit="count",
        where={"family": ("crime",), "role": ("victim",)},
        rows=("A5.50",),
    ),
    _repeat(
        "crime_repeat_victim_ratio",
        "Repeat victims of crime",
        "links of victims to crimes",
        "party_linked",
        {"family": ("crime",), "role": ("victim",)},
        (
            (
                "The report's own table comes, by links, to 25.0 % at least and to 27.6 % the year before: of 68,510 crimes, 51,369 "
                "are the first of their victim in the year."
            ),
        ),
        "A5.50",
    ),
    Measure(
        name="domestic_victim_linked_count",
        title="Victims linked to domestic occurrences",
        question="How many victims were linked to domestic occurrences?",
        population="Links of victims to occurrences with domestic abuse flagged, crime or not, each link by itself.",
        statistic=Count(_DOMESTIC_LINKED),
        unit="count",
        where={"role": ("victim",)},
        rows=("A5.50",),
    ),
    _repeat(
        "domestic_repeat_victim_ratio",
        "Repeat victims of domestic abuse",
        "links of victims to domestic occurrences, crime or not",
        "domestic_party_linked",
        {"role": ("victim",)},
        (
            (
                "The report's own table comes, by links, to 36.9 % at least and to 41.6 % the year before: of 25,750 reports, 16,255 "
                "are the first of their victim in the year."
            ),
        ),
        "A5.50",
    ),
)

_CLOSED = "victim_contract_closed"
_CODE = "Crimes that the Victims' Code holds for, closed with an outcome, each once; in report windows by the day of recording of the crime."
_BY_RECORDING = (
    "The report counts the crimes closed in the year; our reports those recorded in it and closed since, our live windows those closed. "
    "Its 89 per cent are of open crimes too (reports I15)."
)


def _contract(name: str, title: str, what: str, made: tuple[str, ...]) -> Measure:
    """The share of closed crimes with a contract that was made so."""
    return Measure(
        name=name,
        title=title,
        question=f"Of the closed crimes that the Victims' Code holds for, what share had a victim's contract{what}?",
        population=_CODE,
        statistic=Share(met=(Selection(_CLOSED, {"compliance": made}),), of=(Selection(_CLOSED),)),
        unit="ratio",
        good="higher",
        minimum_n=5,
        rows=("A5.49",),
        notes=(_BY_RECORDING,),
        version=2,
    )


CONTRACTS = (
    Measure(
        name="victim_contract_closed_count",
        title="Closed crimes under the Victims' Code",
        question="How many crimes that the Victims' Code holds for were closed?",
        population=_CODE,
        statistic=Count(Selection(_CLOSED)),
        unit="count",
        rows=("A5.49",),
        notes=(_BY_RECORDING,),
    ),
    _contract("victim_contract_compliant_ratio", "Victims' Code compliance", "", ("timely", "late")),
    _contract("victim_contract_timely_ratio", "Victims' Code compliance in time", " made in time", ("timely",)),
)


def _counted(family: Family, title: str, question: str, population: str, row: str, note: str) -> Measure:
    """A count of what has a family of its own."""
    return Measure(
        name=f"{family}_count",
        title=title,
        question=question,
        population=population,
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"family": (family,)},
        rows=(row,),
        notes=(note,),
        version=2,
    )


COUNTED = (
    _counted(
        "fatal_collision",
        "Fatal collisions",
        "How many collisions on the roads were fatal?",
        "Collisions in which somebody died, of the types that the force's profile counts among them, each when it was recorded as one.",
        "A5.52",
        (
            "As the collision system grades them, often after the event: the force's other system may say otherwise (reports I17). "
            "A collision that turns out to be none, or not fatal, is withdrawn."
        ),
    ),
    _counted(
        "stop_and_search",
        "Stop and searches",
        "How many stop and searches were carried out?",
        "Stop and searches by officers of the force, of the types that its profile counts among them, each when it was recorded.",
        "A5.52",
        "The report prints a change alone. It also names THRIVE assessments by team, without a figure.",
    ),
    _counted(
        "school_notification",
        "Op Encompass notifications",
        "How many times were schools told of a child's domestic incident?",
        "Notifications of schools by Op Encompass, of the types that the force's profile counts among them, each when it was recorded.",
        "A5.51",
        "The report adds them up since February 2021, longer than the record reaches back: 30,679 in 47 months, 653 a month.",
    ),
)
