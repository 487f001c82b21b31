"""Measures of occurrences and victims' referrals, and those that no feed carries with why not (reports A5)."""

from measures.measure import Count, Decided, External, Mean, Measure, Selection, Unit

OCCURRENCES = (
    Measure(
        name="occurrence_count",
        title="Occurrences",
        question="How many occurrences were recorded?",
        population="Occurrences recorded, by type and area.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
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

_REPEATS = (
    "A repeat is known by an identifier of a person or an address that stays the same from record to record. Facts carry none: an "
    "occurrence has an identifier of its own alone, and no fact says who or where."
)
_CONTRACTS = "Victims' contracts are kept in the records system; no feed tells of them or of what they must hold."


def _external(name: str, unit: Unit, title: str, question: str, population: str, why: str, row: str) -> Measure:
    return Measure(
        name=name,
        title=title,
        question=question,
        population=population,
        statistic=External(why),
        unit=unit,
        rows=(row,),
    )


UNTOLD = (
    *(
        _external(
            f"asb_repeat_{who}_ratio",
            "ratio",
            f"ASB: repeat {several}",
            f"Of the {several} of ASB occurrences in twelve months, what share was in more than one?",
            f"{several.capitalize()} linked to ASB occurrences, each counted once.",
            _REPEATS,
            "A5.46",
        )
        for who, several in (("suspect", "suspects"), ("victim", "victims"), ("address", "addresses"))
    ),
    _external(
        "crime_repeat_victim_ratio",
        "ratio",
        "Repeat victims of crime",
        "Of the victims of crime in twelve months, what share was a victim more than once?",
        "Named victims of crimes, each counted once.",
        _REPEATS,
        "A5.50",
    ),
    _external(
        "domestic_repeat_victim_ratio",
        "ratio",
        "Repeat victims of domestic abuse",
        "Of the victims of domestic abuse in twelve months, what share was a victim more than once?",
        "Named victims of domestic abuse, crime or not, each counted once.",
        _REPEATS,
        "A5.50",
    ),
    _external(
        "victim_contract_compliant_ratio",
        "ratio",
        "Victims' Code compliance",
        "Of the closed crimes that the Victims' Code holds for, what share had a victim's contract?",
        "Crimes with an outcome that the Code holds for (reports I15).",
        _CONTRACTS,
        "A5.49",
    ),
    _external(
        "victim_contract_timely_ratio",
        "ratio",
        "Victims' Code compliance in time",
        "Of the closed crimes that the Victims' Code holds for, what share had a victim's contract in time?",
        "Crimes with an outcome that the Code holds for.",
        _CONTRACTS,
        "A5.49",
    ),
    _external(
        "school_notification_count",
        "count",
        "Op Encompass notifications",
        "How many times were schools told of a child's domestic incident?",
        "Notifications of Op Encompass, in all since February 2021.",
        "Told by the system that notifies the schools; no feed carries it.",
        "A5.51",
    ),
    _external(
        "fatal_collision_count",
        "count",
        "Fatal collisions",
        "How many collisions on the roads were fatal?",
        "Collisions in which somebody died.",
        "Kept in the collision system and graded there after the event (reports I17); no feed carries it.",
        "A5.52",
    ),
    _external(
        "stop_and_search_count",
        "count",
        "Stop and searches",
        "How many stop and searches were carried out?",
        "Stop and searches by officers of the force.",
        "Recorded on officers' own devices; no feed carries it. THRIVE assessments by team are printed without a figure.",
        "A5.52",
    ),
)
