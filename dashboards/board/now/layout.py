"""The panels of the Now and Wall pages and their measures; the catalogue declares the measures themselves."""

from collections.abc import Iterator

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import is_displayed
from measures.catalogue import CATALOGUE
from measures.measure import Measure

WINDOWS = ("15m", "60m", "shift", "today")


class Panel(Struct, frozen=True, kw_only=True):
    """A panel.

    Attributes:
        name: its id in the page, for links and styles.
        title: its heading.
        now: measures of what is open now, the most important first.
        over_time: measures over windows.
        wall: the measures of `over_time` that fit on the wall.
        extra: what else the panel holds: `journey`, `channels`, `grid`, `attendance` or `suites`; empty for nothing.
        is_wide: whether it takes the whole width.
    """

    name: str
    title: str
    now: tuple[str, ...] = ()
    over_time: tuple[str, ...] = ()
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
        over_time=(
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
        over_time=(
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
        over_time=(
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
    Panel(name="journey", title="101 call journey", extra="journey", is_wide=True),
    Panel(
        name="digital",
        title="Digital",
        over_time=("digital_offered_count", "contact_us_to_contact_centre_ratio"),
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
        over_time=("arrest_count", "child_detained_count", "custody_waiting_mean_seconds", "detention_mean_seconds"),
        wall=("arrest_count", "child_detained_count", "custody_waiting_mean_seconds", "detention_mean_seconds"),
        extra="suites",
    ),
    Panel(
        name="incidents",
        title="Incidents",
        now=("incident_open_count", "incident_unresourced_count", "incident_unattended_count"),
        over_time=("incident_count", "incident_resourced_count", "incident_regraded_count", "incident_closed_count"),
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
"""The measure that a force must have for each extra."""


def measures_of(names: tuple[str, ...], view: View) -> list[Measure]:
    """The named measures that the force has."""
    return [CATALOGUE[name] for name in names if is_displayed(CATALOGUE[name], view)]


def has_extra(panel: Panel, view: View) -> bool:
    """Whether the panel has an extra, and the force has its measure."""
    return bool(panel.extra) and is_displayed(CATALOGUE[_EXTRA_MEASURES[panel.extra]], view)


def panels(view: View) -> Iterator[Panel]:
    """The panels with at least one measure that the force has."""
    return (panel for panel in PANELS if measures_of((*panel.now, *panel.over_time), view) or has_extra(panel, view))
