"""The layout of the report: its sections and tables in the order of the published report (S25), with a measure for each row."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from dashboards.report.targets import Days, target_words
from dashboards.report.words import COUNT, PERCENT, Unit
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.measure import Where

SECONDS, MINUTES, HOURS, CLOCK = Unit("seconds", 2), Unit("minutes", 2), Unit("hours", 1), Unit("clock")
MINUTES_1, PERCENT_1 = Unit("minutes", 1), Unit("percent", 1)


class Line(Struct, frozen=True):
    """A row, or a column of a table of months.

    Attributes:
        measure: the name of its measure.
        label: its heading; `{target}` is replaced by the force's target.
        unit: the unit of its text.
        where: the labels to filter by, for each dimension.
    """

    measure: str
    label: str
    unit: Unit = COUNT
    where: Where = {}


class Lines(Struct, frozen=True):
    """A table of measures over the standard periods.

    Attributes:
        title: the title of the table.
        lines: its rows.
        months: the number of latest months to show.
    """

    title: str
    lines: tuple[Line, ...]
    months: int = 1


class BreakdownTable(Struct, frozen=True):
    """A table of a count by the labels of a dimension, which add up to the total.

    Attributes:
        title: the title of the table.
        measure: the name of the count.
        dimension: the dimension of the breakdown.
        heading: the heading of the column of labels.
        none: the report's name for "no label".
    """

    title: str
    measure: str
    dimension: str
    heading: str
    none: str = "None"


class BandedSpans(Struct, frozen=True):
    """A table of finished spans in bands, which add up to the total.

    Attributes:
        title: the title of the table.
        measure: the name of a measure of bands.
        rows: label, lower edge and upper edge in minutes; an upper edge of 0 means no end. A row inside the range of an earlier
            row is a part of that row.
    """

    title: str
    measure: str
    rows: tuple[tuple[str, int, int], ...]


class Months(Struct, frozen=True):
    """A table with a row for each month and a total, and a column for each measure.

    Attributes:
        title: the title of the table.
        lines: its columns.
        sums: the columns that add up to another column, by number: (parts, total).
    """

    title: str
    lines: tuple[Line, ...]
    sums: tuple[tuple[tuple[int, ...], int], ...] = ()


Table = Lines | BreakdownTable | BandedSpans | Months


class Section(Struct, frozen=True):
    """A section of the report.

    Attributes:
        title: the title, with the section's number in the published report.
        tables: the tables, in order.
        charts: the control charts by month.
    """

    title: str
    tables: tuple[Table, ...]
    charts: tuple[Line, ...] = ()


_BT = Lines(
    "Compared with other forces (BT's data)",
    (
        Line("contact_999_national_count", "999 calls"),
        Line("contact_999_national_answer_mean_seconds", "Average time to answer", SECONDS),
    ),
)
_999_VOLUME, _999_ANSWER = (
    Line("contact_999_offered_count", "999 calls"),
    Line("contact_999_answer_mean_seconds", "Average time to answer", SECONDS),
)
_EMERGENCY = Lines(
    "999 calls",
    (
        _999_VOLUME,
        _999_ANSWER,
        Line("contact_999_answered_within_target_ratio", "Answered {target}", PERCENT),
        Line("contact_999_abandoned_ratio", "Abandoned", PERCENT),
    ),
)
_101_ANSWER = Line("contact_101_answer_mean_seconds", "Average time to answer", MINUTES_1)
_LOCAL = Lines(
    "101 calls",
    (
        Line("contact_101_offered_count", "101 calls"),
        _101_ANSWER,
        Line("contact_101_answered_within_target_ratio", "Answered {target}", PERCENT_1),
        Line("triage_abandoned_ratio", "Triage: abandoned", PERCENT_1),
    ),
)
_TRIAGE = Lines(
    "Answered by triage",
    (
        Line("triage_answered_count", "Calls answered by triage"),
        Line("triage_answered_share_ratio", "Share of all answered 101 calls", PERCENT_1),
        *(
            Line(f"triage_{result}_ratio", label, PERCENT_1)
            for result, label in (
                ("resolved", "Triage: resolved"),
                ("to_local", "Triage: to the local queue (101)"),
                ("to_999", "Triage: to 999"),
                ("callback", "Triage: callback (Queuebuster)"),
                ("transferred", "Triage: transferred"),
                ("other", "Triage: other"),
            )
        ),
    ),
)
_TRIAGE_RESULTS = BreakdownTable("How triage calls ended", "triage_concluded_count", "result", "Result")
_POST_TRIAGE = Lines(
    "Sent on after triage",
    (
        Line("post_triage_offered_count", "Calls sent to the local queue"),
        Line("post_triage_answer_median_seconds", "Median wait of answered calls", MINUTES),
        Line("post_triage_abandoned_ratio", "Abandoned", PERCENT_1),
        Line("post_triage_abandoned_within_20_minutes_ratio", "Share of these in the first 20 minutes", PERCENT_1),
    ),
)
_WAITS = BandedSpans(
    "Wait in the local queue before the answer (minutes)",
    "post_triage_answer_bands",
    (
        ("0 to 20", 0, 20),
        ("0 to 5", 0, 5),
        ("5 to 10", 5, 10),
        ("10 to 15", 10, 15),
        ("15 to 20", 15, 20),
        ("20 to 40", 20, 40),
        ("40 to 60", 40, 60),
        ("60 to 80", 60, 80),
        ("80 to 100", 80, 100),
        ("100 to 120", 100, 120),
        ("120 and over", 120, 0),
    ),
)


def _digital_months(force: Force) -> Months:
    """A column for each channel: first those of the Single Online Home (SOH) and their total, and last the total of all."""
    name = "digital_offered_count"
    home, others = (
        [
            Line(name, each.name, where={"channel": (each.label,)})
            for each in force.channels
            if each.online_home is is_home
        ]
        for is_home in (True, False)
    )
    total_home = [Line(name, "Total SOH", where={"online_home": ("yes",)})]
    whole = len(home) + 1 + len(others)
    return Months(
        "Digital contacts by month and channel",
        (*home, *total_home, *others, Line(name, "Total digital")),
        sums=((tuple(range(len(home))), len(home)), (tuple(range(len(home), whole)), whole)),
    )


_DIGITAL = Lines(
    "Digital contacts",
    (
        Line("digital_offered_count", "Digital contacts"),
        Line("contact_us_to_contact_centre_ratio", '"Contact us" kept by the contact centre', PERCENT_1),
    ),
)
_INCIDENTS = Lines(
    "Incidents",
    (
        Line("incident_count", "Incidents"),
        Line("incident_demand_count", "Demand by priority, total"),
        Line("incident_resourced_count", "Resourced incidents"),
    ),
)
_BY_WORD = (
    BreakdownTable("Incidents by group", "incident_count", "group", "Incident group"),
    BreakdownTable("Incidents by local policing team (LPT)", "incident_count", "area", "LPT", "No LPT"),
    BreakdownTable("Demand by priority", "incident_demand_count", "grade", "Grade"),
)


def _pair(span: str, label: str) -> tuple[Line, Line]:
    return (
        Line(f"{span}_median_seconds", f"{label} (median)", MINUTES),
        Line(f"{span}_within_target_ratio", f"{label}, {{target}}", PERCENT),
    )


_GRADE_1 = Lines(
    "Grade 1",
    (
        *_pair("grade_1_opened_to_dispatched", "Opened to dispatched"),
        *_pair("grade_1_dispatched_to_arrived", "Dispatched to arrived"),
        *_pair("grade_1_opened_to_arrived", "Opened to arrived"),
    ),
)
_GRADE_2 = Lines(
    "Grade 2",
    (
        *_pair("grade_2_opened_to_arrived", "Opened to arrived"),
        Line("grade_2_dispatched_to_arrived_mean_seconds", "Dispatched to arrived (mean)", MINUTES),
        Line("grade_2_resourced_within_24_hours_ratio", "Resourced within 24 hours", PERCENT),
    ),
)
_DOMESTIC = Lines(
    "Domestic Grade 2",
    (
        Line("domestic_grade_2_count", "Incidents"),
        Line("domestic_grade_2_opened_to_arrived_median_seconds", "Opened to arrived (median)", CLOCK),
        Line("domestic_grade_2_opened_to_attended_median_seconds", "The same, with video response", CLOCK),
        Line("domestic_grade_2_opened_to_arrived_within_target_ratio", "Opened to arrived, {target}", PERCENT),
        Line("domestic_grade_2_opened_to_attended_within_target_ratio", "The same, with video response", PERCENT),
        Line("video_response_satisfaction_ratio", "Satisfied with enhanced video response", PERCENT),
    ),
)
_DOMESTIC_MONTHS = Months("Domestic Grade 2 by month", _DOMESTIC.lines[:3])
_BURGLARY = Lines("Home burglary", (Line("home_burglary_attended_ratio", "Attended", PERCENT_1),))
_ASB = Lines(
    "ASB",
    (Line("asb_incident_count", "ASB incidents"), Line("asb_occurrence_count", "ASB occurrences")),
)
_ASB_BY_WORD = (
    BreakdownTable("ASB occurrences by type", "asb_occurrence_count", "type", "Type"),
    BreakdownTable("ASB occurrences by LPT", "asb_occurrence_count", "area", "LPT", "No LPT"),
)
_CRIME = Lines("Crime", (Line("crime_count", "Crimes recorded"),))
_CRIME_BY_WORD = (
    BreakdownTable("Crimes by type", "crime_count", "type", "Crime type"),
    BreakdownTable("Crimes by LPT", "crime_count", "area", "LPT", "No LPT"),
)


def _asb_charts(force: Force) -> tuple[Line, ...]:
    """The charts of all ASB occurrences and of each type."""
    name = "asb_occurrence_count"
    types = [each for each in force.occurrence_types if each.family == "asb"]
    return (*_ASB.lines[1:], *(Line(name, each.name, where={"type": (each.label,)}) for each in types))


_VICTIMS = Lines(
    "Referral of victims",
    (
        Line("victim_referred_within_48_hours_ratio", "Sent to the Victims Gateway within 48 hours", PERCENT_1),
        Line("victim_referred_within_2_working_days_ratio", "Sent within two working days (the Code)", PERCENT_1),
        Line("victim_referral_mean_seconds", "Average time to send", HOURS),
    ),
)
_REPEAT_VICTIMS = Lines(
    "Repeat victims",
    (
        Line("crime_victim_linked_count", "Victims linked to crimes"),
        Line("crime_repeat_victim_ratio", "Repeat victims of crime within 12 months", PERCENT_1),
        Line("domestic_victim_linked_count", "Victims linked to domestic occurrences, crime or not"),
        Line("domestic_repeat_victim_ratio", "Repeat victims of domestic abuse within 12 months", PERCENT_1),
    ),
)
_CODE = Lines(
    "Closed victims' contracts",
    (
        Line("victim_contract_closed_count", "Closed crimes that the Code applies to"),
        Line("victim_contract_compliant_ratio", "Overall compliance", PERCENT),
        Line("victim_contract_timely_ratio", "Compliance on time", PERCENT),
    ),
)
_ASB_REPEATS = Lines(
    "Repeat ASB",
    tuple(
        line
        for who, several in (("suspect", "Suspects"), ("victim", "Victims"), ("address", "Addresses"))
        for line in (
            Line("asb_party_linked_count", f"{several} linked to ASB occurrences", where={"role": (who,)}),
            Line(f"asb_repeat_{who}_ratio", f"Repeat {several.lower()} within 12 months", PERCENT_1),
        )
    ),
)
_ROADS = Lines(
    "Roads, searches and schools",
    (
        Line("fatal_collision_count", "Fatal collisions"),
        Line("stop_and_search_count", "Stop and searches"),
        Line("school_notification_count", "Op Encompass notifications"),
    ),
)
_VICTIM_MONTHS = Months("Referral by month", _VICTIMS.lines[:2])
_CUSTODY = Lines(
    "Custody",
    (
        Line("arrest_count", "Arrests"),
        Line("detention_mean_seconds", "Average detention duration", HOURS),
        Line("child_detained_count", "Children in custody"),
        Line("child_detention_mean_seconds", "Average detention duration of children", HOURS),
        Line("custody_waiting_mean_seconds", "Waiting times in custody", MINUTES_1),
        Line("bail_ratio", "Bail rate", PERCENT_1),
        Line("released_under_investigation_ratio", "Released under investigation rate", PERCENT_1),
        Line("voluntary_attendance_count", "Voluntary attendees"),
    ),
    months=4,
)


SUMMARY = (
    "contact_999_offered_count",
    "contact_999_answer_mean_seconds",
    "contact_999_answered_within_target_ratio",
    "contact_101_offered_count",
    "contact_101_answer_mean_seconds",
    "triage_abandoned_ratio",
    "post_triage_answer_median_seconds",
    "post_triage_abandoned_ratio",
    "digital_offered_count",
    "incident_count",
    "grade_1_opened_to_arrived_median_seconds",
    "grade_1_opened_to_arrived_within_target_ratio",
    "grade_2_opened_to_arrived_median_seconds",
    "grade_2_opened_to_arrived_within_target_ratio",
    "domestic_grade_2_opened_to_arrived_median_seconds",
    "home_burglary_attended_ratio",
    "crime_count",
    "asb_occurrence_count",
    "victim_referred_within_48_hours_ratio",
    "victim_contract_compliant_ratio",
    "arrest_count",
    "detention_mean_seconds",
)
"""The measures on the first page of the report, in order."""


def worded(layout: Iterable[Section], force: Force, days: Days) -> tuple[Section, ...]:
    """The sections with `{target}` replaced by the force's target, or by `within target` if the target changes.

    Args:
        layout: the sections of the report.
        force: the force.
        days: the days that the report covers.
    """

    def labelled(line: Line) -> Line:
        return replace(line, label=line.label.replace("{target}", target_words(CATALOGUE[line.measure], force, days)))

    def table(each: Table) -> Table:
        return replace(each, lines=tuple(map(labelled, each.lines))) if isinstance(each, Lines | Months) else each

    return tuple(
        Section(each.title, tuple(map(table, each.tables)), tuple(map(labelled, each.charts))) for each in layout
    )


def sections(force: Force) -> tuple[Section, ...]:
    """The sections of the report, in the order of the published report; labels may contain `{target}`.

    Args:
        force: the force, whose channels are the columns of digital contacts.
    """
    return (
        Section("5 Supporting victims", (_VICTIMS, _VICTIM_MONTHS, _REPEAT_VICTIMS), charts=_VICTIMS.lines[:1]),
        Section("5.1 Victims' Code compliance", (_CODE,)),
        Section("6 Contact and local policing", (_BT,)),
        Section("6.1 Emergency calls", (_EMERGENCY,), charts=(_999_VOLUME, _999_ANSWER)),
        Section("6.1 Non emergency calls (local)", (_LOCAL,), charts=_LOCAL.lines[:3]),
        Section("6.1 Non emergency calls (triage)", (_TRIAGE, _TRIAGE_RESULTS)),
        Section("6.1 Non emergency calls (post triage)", (_POST_TRIAGE, _WAITS), charts=_POST_TRIAGE.lines[1:3]),
        Section("6.1 Non emergency calls (digital)", (_DIGITAL, _digital_months(force))),
        Section("Context: incidents", (_INCIDENTS, *_BY_WORD), charts=_INCIDENTS.lines[:1]),
        Section("6.2 Response: Grade 1", (_GRADE_1,), charts=_GRADE_1.lines[4:]),
        Section("6.2 Response: Grade 2", (_GRADE_2, _DOMESTIC, _DOMESTIC_MONTHS), charts=_DOMESTIC.lines[:2]),
        Section("6.3 Neighbourhood crime", (_BURGLARY,)),
        Section("6.4 Anti-social behaviour", (_ASB, *_ASB_BY_WORD, _ASB_REPEATS), charts=_asb_charts(force)),
        Section("Context: all crime", (_CRIME, *_CRIME_BY_WORD), charts=_CRIME.lines),
        Section("7.4 and 8.2 Roads, searches and schools", (_ROADS,)),
        Section("Context: custody", (_CUSTODY,), charts=_CUSTODY.lines[:2]),
    )
