"""The ladder and the shift changeover: who is notified when nobody acts, by the force's local time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alerts.inbox.log.entry import Acknowledged, AnyEntry, Escalated, Reraised
from alerts.inbox.log.intake import by_name, raised
from alerts.inbox.log.ladder import due
from alerts.inbox.log.state import Alert, fold_alert
from alerts.table import RULES
from bluelamp.wiring.settings import Settings, load_forces

FORCE = load_forces(Settings())["staffordshire"].force
ALL = by_name(RULES)
NOON = datetime(2024, 12, 3, 12, tzinfo=UTC)


class ActiveAlert:
    """An active alert, and the ladder applied to it as time passes."""

    def __init__(self, rule: str, began: datetime = NOON) -> None:
        self.began = began
        self.entries: list[AnyEntry] = [raised(ALL[rule], {"force": FORCE.name}, began, began)]

    @property
    def alert(self) -> Alert:
        """The alert, folded from its entries."""
        alert = fold_alert(self.entries)
        assert alert
        return alert

    def minutes_later(self, minutes: float) -> list[str]:
        """Who is notified a number of minutes after it began."""
        now = self.began + timedelta(minutes=minutes)
        entries: Sequence[AnyEntry] = list(due(self.alert, FORCE, now))
        new = [each for each in entries if each.id not in {known.id for known in self.entries}]
        self.entries += new
        return [each.notify if isinstance(each, Escalated) else "shift" for each in new]

    def acknowledge(self, minutes: float, by: str = "inspector") -> None:
        """Somebody acknowledges it."""
        at = self.began + timedelta(minutes=minutes)
        self.entries.append(Acknowledged(id=f"acknowledged {minutes}", alert=self.alert.id, at=at, by=by))


def test_grade_1_unresourced_goes_to_the_inspector_at_once() -> None:
    assert ActiveAlert("grade_1_unresourced").minutes_later(0) == ["duty inspector"]


def test_grade_2_past_its_target_goes_to_the_sergeant_at_40_minutes_even_if_acknowledged() -> None:
    active = ActiveAlert("grade_2_unattended")
    active.acknowledge(5)
    assert [active.minutes_later(minutes) for minutes in (39.99, 40, 41, 80)] == [[], ["sergeant"], [], []]


def test_an_unacknowledged_critical_alert_is_escalated() -> None:
    active = ActiveAlert("contact_999_waiting_several")
    assert [active.minutes_later(minutes) for minutes in (4.9, 5, 14.9, 15, 60)] == [
        [], ["duty inspector"], [], ["force incident manager"], [],
    ]  # fmt: skip


def test_an_acknowledgement_stops_the_ladder() -> None:
    active = ActiveAlert("contact_999_waiting_several")
    active.minutes_later(5)
    active.acknowledge(10)
    assert active.minutes_later(15) == []


@pytest.mark.parametrize(
    ("rule", "minutes", "reasons"),
    [
        ("grade_1_unresourced", 0, ["Grade 1 - Immediate incidents are escalated at once."]),
        ("grade_2_unattended", 40, ["Grade 2 - Priority incidents are escalated after 40 minutes."]),
        ("contact_999_waiting_several", 5, ["Nobody acknowledged this critical alert within 5 minutes."]),
    ],
)
def test_an_escalation_says_why(rule: str, minutes: float, reasons: list[str]) -> None:
    active = ActiveAlert(rule)
    active.minutes_later(minutes)
    assert [each.why for each in active.entries if isinstance(each, Escalated)] == reasons


def test_an_unacknowledged_warning_is_not_escalated() -> None:
    assert ActiveAlert("contact_999_below_standard").minutes_later(120) == []


def test_a_shift_changeover_raises_the_alert_again() -> None:
    """Lates begin at 15:00."""
    active = ActiveAlert("contact_999_waiting_several")
    active.acknowledge(1)
    assert [active.minutes_later(minutes) for minutes in (179.9, 180, 181)] == [[], ["shift"], []]
    assert active.alert.acknowledged is None
    assert active.minutes_later(185) == ["duty inspector"], "counted from the changeover"
    active.acknowledge(186)
    assert active.minutes_later(600) == []
    assert active.minutes_later(660) == ["shift"], "nights begin at 23:00"


def test_incidents_past_their_target_are_escalated_again_at_the_changeover() -> None:
    active = ActiveAlert("grade_1_unresourced")
    assert [active.minutes_later(minutes) for minutes in (0, 180, 181)] == [
        ["duty inspector"],
        ["shift"],
        ["duty inspector"],
    ]


def test_several_missed_changeovers_are_recorded_once() -> None:
    active = ActiveAlert("contact_999_below_standard")
    assert active.minutes_later(60 * 24 * 3) == ["shift"]
    assert active.minutes_later(60 * 24 * 3 + 1) == []


def test_information_is_not_raised_again() -> None:
    assert ActiveAlert("contact_101_answer_mean_unusual").minutes_later(60 * 24) == []


@pytest.mark.parametrize(
    ("began", "hours"),
    [
        (datetime(2024, 10, 26, 22, 30, tzinfo=UTC), 8.5),  # 23:30 BST, the night of 25 hours: 07:00 GMT
        (datetime(2024, 3, 30, 23, 30, tzinfo=UTC), 6.5),  # 23:30 GMT, the night of 23 hours: 07:00 BST
        (datetime(2024, 12, 3, 23, 30, tzinfo=UTC), 7.5),
    ],
)
def test_a_shift_begins_by_local_time(began: datetime, hours: float) -> None:
    active = ActiveAlert("contact_999_below_standard", began)
    assert active.minutes_later(hours * 60 - 0.1) == []
    assert active.minutes_later(hours * 60) == ["shift"]
    (changed,) = [each for each in active.entries if isinstance(each, Reraised)]
    assert changed.changeover == began + timedelta(hours=hours)


def test_ladder_times_are_elapsed_time_across_a_clock_change() -> None:
    """40 minutes from 01:50 BST, ten minutes before the clock goes back."""
    active = ActiveAlert("grade_2_unattended", datetime(2024, 10, 27, 0, 50, tzinfo=UTC))
    assert [active.minutes_later(39), active.minutes_later(40)] == [[], ["sergeant"]]
