"""Measures of occurrences: crime, ASB, victims' referrals and contracts, repeats, and plain counts (reports A5)."""

from facts.force import UNLISTED, Family
from measures.measure import Count, Decided, DeclaredWhere, Mean, Measure, Selection, Share, Unrecorded
from measures.outcome import KindName

OCCURRENCES = (
    Measure(
        name="occurrence_count",
        title="Occurrences",
        question="How many occurrences were recorded?",
        population=(
            "Crimes, ASB and other occurrences recorded, including those of types that the force's profile does not list. Fatal "
            "collisions, stop and searches and school notifications have measures of their own and are excluded."
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
        population="Occurrences whose type is a crime in the force's profile.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"family": ("crime",)},
        rows=("A5.53",),
        notes=(
            (
                "Crimes are counted on the date of recording. S18 uses the date of the offence for all but sexual and drug offences, and "
                "gives three different totals for one year (reports I19)."
            ),
        ),
    ),
    Measure(
        name="asb_occurrence_count",
        title="ASB occurrences",
        question="How many occurrences of anti-social behaviour were recorded?",
        population="Occurrences whose type is anti-social behaviour in the force's profile.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"family": ("asb",)},
        rows=("A5.44", "A5.45"),
        notes=(
            (
                "The 15,297 ASB occurrences differ from the 12,309 ASB incidents. The rows by area add up to 15,299 and 16,409, "
                "not to the totals of 15,297 and 16,410 (reports I10)."
            ),
        ),
    ),
    Measure(
        name="asb_incident_count",
        title="ASB incidents",
        question="How many incidents of anti-social behaviour were opened?",
        population="Incidents in the group ASB.",
        statistic=Count(Selection("incident_opened")),
        unit="count",
        where={"group": ("asb",)},
        rows=("A5.43",),
    ),
    Measure(
        name="victim_referred_within_48_hours_ratio",
        title="Victims referred within 48 h",
        question="What share of victims of crime was referred to the victims' gateway within 48 hours?",
        population="Victim-based crimes referred, and those without a referral after 48 hours.",
        clock="From the recording of the occurrence until the referral; 48 elapsed hours.",
        statistic=Decided(Selection("recorded_to_referred_decided")),
        unrecorded=(Unrecorded(Selection("recorded_to_referred_unrecorded")),),
        unit="ratio",
        good="higher",
        target="within 48 hours (S25 section 5; the Victims' Code says two working days, reports I9)",
        minimum_n=5,
        rows=("A5.47",),
    ),
    Measure(
        name="victim_referred_within_2_working_days_ratio",
        title="Victims referred within 2 working days",
        question="What share of victims of crime was referred to the victims' gateway within two working days?",
        population="Victim-based crimes referred, and those without a referral after two working days.",
        clock=(
            "From the recording of the occurrence until the referral. It is in time until the end of the second working day "
            "after the local day of recording. Saturdays, Sundays and bank holidays are not working days."
        ),
        statistic=Decided(Selection("recorded_to_referred_within_2_working_days_decided")),
        unrecorded=(Unrecorded(Selection("recorded_to_referred_within_2_working_days_unrecorded")),),
        unit="ratio",
        good="higher",
        target="within two working days (the Victims' Code, right 4; S25 section 5.1)",
        minimum_n=5,
        rows=("A5.47",),
        notes=(
            (
                "The report quotes the Code's two working days but measures 48 elapsed hours: its published figures are for 48 "
                "hours only (reports I9)."
            ),
        ),
    ),
    Measure(
        name="victim_referral_mean_seconds",
        title="Average time to refer a victim",
        question="How long did it take on average to refer a victim to the victims' gateway?",
        population="Occurrences referred.",
        clock="From the recording of the occurrence until the referral.",
        statistic=Mean(Selection("recorded_to_referred")),
        unrecorded=(Unrecorded(Selection("recorded_to_referred_unrecorded")),),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A5.48",),
        notes=(
            "The report prints the change from 52 h to 40 h as -33% (-8 hours); it is -23% and -12 hours (reports I9).",
        ),
    ),
)

_LINKED = Selection("party_linked")
_DOMESTIC_LINKED = Selection("domestic_party_linked")
_LINKS = (
    "This counts links, not people. The report counts each person or address once in twelve months: a victim of three crimes in a year is "
    "one repeat victim in the report, and two repeat links out of three here (reports I20). Facts never identify people or addresses."
)


def _repeat(
    name: str, title: str, links: str, kind: KindName, where: DeclaredWhere, notes: tuple[str, ...], row: str
) -> Measure:
    """The share of links that are repeats.

    Args:
        name: the measure's name.
        title: the measure's title.
        links: the links it counts, in words.
        kind: the kind of outcome.
        where: the labels that limit the links.
        notes: further notes, after the note on links.
        row: the row of the reports.
    """
    of = Selection(kind)
    return Measure(
        name=name,
        title=title,
        question=f"What share of {links} followed another such link of the same {where['role'][0]} within twelve months?",
        population=f"{links[0].upper()}{links[1:]}, at the time of the link; in report windows by the day on which the occurrence was recorded.",
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
        population="Links of suspects, victims and addresses to ASB occurrences. Each link counts once.",
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
        population="Links of victims to crimes. Each link counts once.",
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
                "Counted by links, the report's own table gives at least 25.0%, and 27.6% the year before: of 68,510 crimes, "
                "51,369 were their victim's first in the year."
            ),
        ),
        "A5.50",
    ),
    Measure(
        name="domestic_victim_linked_count",
        title="Victims linked to domestic occurrences",
        question="How many victims were linked to domestic occurrences?",
        population="Links of victims to occurrences flagged as domestic abuse, crimes or not. Each link counts once.",
        statistic=Count(_DOMESTIC_LINKED),
        unit="count",
        where={"role": ("victim",)},
        rows=("A5.50",),
    ),
    _repeat(
        "domestic_repeat_victim_ratio",
        "Repeat victims of domestic abuse",
        "links of victims to domestic occurrences",
        "domestic_party_linked",
        {"role": ("victim",)},
        (
            "Domestic occurrences are those flagged as domestic abuse, crimes or not.",
            (
                "Counted by links, the report's own table gives at least 36.9%, and 41.6% the year before: of 25,750 reports, "
                "16,255 were their victim's first in the year."
            ),
        ),
        "A5.50",
    ),
)

_CLOSED: KindName = "victim_contract_closed"
_CODE = "Crimes under the Victims' Code that were closed with an outcome; in report windows by the day on which the crime was recorded."
_BY_RECORDING = (
    "The published report counts crimes closed in the year. Here, report windows count crimes recorded in the period and closed since; "
    "live windows count crimes closed in the window. The report's 89 per cent includes open crimes (reports I15)."
)


def _contract(name: str, title: str, suffix: str, compliance: tuple[str, ...]) -> Measure:
    """The share of closed crimes with a victim contract of the given compliance."""
    return Measure(
        name=name,
        title=title,
        question=f"What share of closed crimes under the Victims' Code had a victim contract{suffix}?",
        population=_CODE,
        statistic=Share(met=(Selection(_CLOSED, {"compliance": compliance}),), of=(Selection(_CLOSED),)),
        unrecorded=(Unrecorded(Selection("victim_contract_unrecorded")),),
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
        question="How many crimes under the Victims' Code were closed?",
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
    """A count of the occurrences of one family."""
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
        "How many road collisions were fatal?",
        "Occurrences whose type is a fatal collision in the force's profile, at the time they were recorded as fatal.",
        "A5.52",
        (
            "The collision system sets the severity, often after the event; the force's other system may differ (reports I17). "
            "A record that turns out not to be a collision, or not fatal, is withdrawn."
        ),
    ),
    _counted(
        "stop_and_search",
        "Stop and searches",
        "How many stop and searches were carried out?",
        "Occurrences whose type is a stop and search in the force's profile, at the time they were recorded.",
        "A5.52",
        "The report prints only the change. It also mentions THRIVE assessments by team, without a figure.",
    ),
    _counted(
        "school_notification",
        "Op Encompass notifications",
        "How many times were schools notified of a domestic incident involving a child?",
        "Occurrences whose type is an Op Encompass notification in the force's profile, at the time they were recorded.",
        "A5.51",
        "The report gives the total since February 2021, which is longer than the state is kept: 30,679 in 47 months, or 653 a month.",
    ),
)
