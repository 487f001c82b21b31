"""Which measures stand on which panel of the supervisor's pages; everything else of them is in the catalogue."""

from collections.abc import Iterator

from msgspec import Struct

from dashboards.board.page import View
from dashboards.board.tile import is_shown
from measures.catalogue import CATALOGUE
from measures.measure import Measure

WINDOWS = ("15m", "60m", "shift", "today")


class Panel(Struct, frozen=True, kw_only=True):
    """A panel.

    Attributes:
        name: of the panel, for addresses and styles.
        title: its heading.
        now: measures of what stands open now, the most watched first.
        course: measures over windows.
        wall: those of `course` that the wall has room for.
        extra: what else the panel holds: `journey`, `channels`, `grid`, `attendance` or `suites`.
        is_wide: it takes the whole width.
    """

    name: str
    title: str
    now: tuple[str, ...] = ()
    course: tuple[str, ...] = ()
    wall: tuple[str, ...] = ()
    extra: str = ""
    is_wide: bool = False


PANELS = (
    Panel(
        name="emergency",
        title="999",
        now=(
            "contact_999_waiting_count",
            "contact_999_longest_wait_seconds",
            "contact_999_waiting_over_30_seconds_count",
        ),
        course=(
            "contact_999_offered_count",
            "contact_999_answered_within_target_ratio",
            "contact_999_service_level_ratio",
            "contact_999_answer_mean_seconds",
            "contact_999_answer_median_seconds",
            "contact_999_abandoned_ratio",
        ),
        wall=(
            "contact_999_answered_within_target_ratio",
            "contact_999_answer_mean_seconds",
            "contact_999_abandoned_ratio",
            "contact_999_offered_count",
        ),
    ),
    Panel(
        name="non_emergency",
        title="101",
        now=(
            "contact_101_waiting_count",
            "contact_101_longest_wait_seconds",
            "post_triage_longest_wait_seconds",
            "post_triage_waiting_over_60_minutes_count",
        ),
        course=(
            "contact_101_offered_count",
            "contact_101_answered_within_target_ratio",
            "contact_101_answer_mean_seconds",
            "contact_101_answer_median_seconds",
            "triage_abandoned_ratio",
            "post_triage_abandoned_ratio",
        ),
        wall=(
            "contact_101_answered_within_target_ratio",
            "contact_101_answer_mean_seconds",
            "triage_abandoned_ratio",
            "post_triage_abandoned_ratio",
        ),
    ),
    Panel(
        name="attendance",
        title="Grade 1 and Grade 2",
        now=(
            "grade_1_unresourced_over_2_minutes_count",
            "grade_1_unattended_over_15_minutes_count",
            "grade_2_unattended_over_2_hours_count",
        ),
        course=(
            "grade_1_opened_to_dispatched_within_target_ratio",
            "grade_1_dispatched_to_arrived_within_target_ratio",
            "grade_1_opened_to_arrived_within_target_ratio",
            "grade_1_opened_to_arrived_median_seconds",
            "grade_2_opened_to_arrived_within_target_ratio",
            "grade_2_opened_to_arrived_median_seconds",
        ),
        wall=(
            "grade_1_opened_to_arrived_within_target_ratio",
            "grade_1_opened_to_arrived_median_seconds",
            "grade_2_opened_to_arrived_within_target_ratio",
            "grade_2_opened_to_arrived_median_seconds",
        ),
        extra="attendance",
        is_wide=True,
    ),
    Panel(name="journey", title="The whole 101 journey", extra="journey", is_wide=True),
    Panel(
        name="digital",
        title="Digital",
        course=("digital_offered_count", "contact_us_to_contact_centre_ratio"),
        extra="channels",
    ),
    Panel(
        name="custody",
        title="Custody",
        now=(
            "in_custody_count",
            "custody_awaiting_authorisation_count",
            "custody_longest_wait_seconds",
            "custody_awaiting_over_60_minutes_count",
        ),
        course=("arrest_count", "child_detained_count", "custody_waiting_mean_seconds", "detention_mean_seconds"),
        wall=("arrest_count", "child_detained_count", "custody_waiting_mean_seconds", "detention_mean_seconds"),
        extra="suites",
    ),
    Panel(
        name="incidents",
        title="Incidents",
        now=("incident_open_count", "incident_unresourced_count", "incident_unattended_count"),
        course=("incident_count", "incident_resourced_count", "incident_regraded_count", "incident_closed_count"),
        wall=("incident_count", "incident_resourced_count", "incident_regraded_count", "incident_closed_count"),
        extra="grid",
        is_wide=True,
    ),
)
_EXTRA_MEASURES = {
    "journey": "contact_101_offered_count",
    "channels": "digital_offered_count",
    "grid": "incident_count",
    "attendance": "incident_unattended_count",
    "suites": "in_custody_count",
}
"""The measure that a force must have for what a panel holds beside its tiles."""


def named(names: tuple[str, ...], view: View) -> list[Measure]:
    """Of some measures those that the force has."""
    return [CATALOGUE[name] for name in names if is_shown(CATALOGUE[name], view)]


def has_extra(panel: Panel, view: View) -> bool:
    """Whether the force has what the panel holds beside its tiles."""
    return bool(panel.extra) and is_shown(CATALOGUE[_EXTRA_MEASURES[panel.extra]], view)


def panels(view: View) -> Iterator[Panel]:
    """The panels of which the force has anything."""
    return (panel for panel in PANELS if named((*panel.now, *panel.course), view) or has_extra(panel, view))
