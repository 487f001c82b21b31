"""The ladder and the change of shift: who is told when nobody acts, by the force's own clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alerts.inbox.entry import Acknowledged, AnyEntry, Escalated, Reraised
from alerts.inbox.intake import by_name, raised
from alerts.inbox.ladder import due
from alerts.inbox.state import Alert, fold_alert
from alerts.table import RULES
from bluelamp.wiring.settings import Settings, load_forces

FORCE = load_forces(Settings())["staffordshire"].force
ALL = by_name(RULES)
NOON = datetime(2024, 12, 3, 12, tzinfo=UTC)


class Standing:
    """An alert that stands, and an inbox's clock that looks at it."""

    def __init__(self, rule: str, began: datetime = NOON) -> None:
        self.began = began
        self.entries: list[AnyEntry] = [raised(ALL[rule], {"force": FORCE.name}, began, began)]

    @property
    def alert(self) -> Alert:
        """As it stands."""
        alert = fold_alert(self.entries)
        assert alert
        return alert

    def look(self, minutes: float) -> list[str]:
        """Who is told, so long after it began."""
        now = self.began + timedelta(minutes=minutes)
        found: Sequence[AnyEntry] = list(due(self.alert, FORCE, now))
        new = [each for each in found if each.id not in {known.id for known in self.entries}]
        self.entries += new
        return [each.tell if isinstance(each, Escalated) else "shift" for each in new]

    def take(self, minutes: float, by: str = "inspector") -> None:
        """Somebody takes it."""
        at = self.began + timedelta(minutes=minutes)
        self.entries.append(Acknowledged(id=f"taken {minutes}", alert=self.alert.id, at=at, by=by))


def test_grade_1_unresourced_goes_to_the_inspector_at_once() -> None:
    assert Standing("grade_1_unresourced").look(0) == ["duty inspector"]


def test_grade_2_past_its_target_goes_to_the_sergeant_at_40_minutes_though_it_was_taken() -> None:
    standing = Standing("grade_2_unattended")
    standing.take(5)
    assert [standing.look(minutes) for minutes in (39.99, 40, 41, 80)] == [[], ["sergeant"], [], []]


def test_a_critical_alert_that_nobody_takes_goes_up() -> None:
    standing = Standing("contact_999_waiting_several")
    assert [standing.look(minutes) for minutes in (4.9, 5, 14.9, 15, 60)] == [
        [], ["duty inspector"], [], ["force incident manager"], [],
    ]  # fmt: skip


def test_whoever_takes_it_stops_the_ladder() -> None:
    standing = Standing("contact_999_waiting_several")
    standing.look(5)
    standing.take(10)
    assert standing.look(15) == []


def test_a_warning_that_nobody_takes_does_not_climb() -> None:
    assert Standing("contact_999_below_standard").look(120) == []


def test_the_change_of_shift_raises_it_again_for_whoever_comes_on() -> None:
    """Lates begin at 15:00."""
    standing = Standing("contact_999_waiting_several")
    standing.take(1)
    assert [standing.look(minutes) for minutes in (179.9, 180, 181)] == [[], ["shift"], []]
    assert standing.alert.acknowledged is None
    assert standing.look(185) == ["duty inspector"], "counted from the changeover"
    standing.take(186)
    assert standing.look(600) == []
    assert standing.look(660) == ["shift"], "nights begin at 23:00"


def test_what_waits_past_its_target_is_escalated_again_at_the_changeover() -> None:
    standing = Standing("grade_1_unresourced")
    assert [standing.look(minutes) for minutes in (0, 180, 181)] == [["duty inspector"], ["shift"], ["duty inspector"]]


def test_changeovers_that_were_slept_through_are_told_once() -> None:
    standing = Standing("contact_999_below_standard")
    assert standing.look(60 * 24 * 3) == ["shift"]
    assert standing.look(60 * 24 * 3 + 1) == []


def test_information_is_not_raised_again() -> None:
    assert Standing("contact_101_answer_mean_unusual").look(60 * 24) == []


@pytest.mark.parametrize(
    ("began", "hours"),
    [
        (datetime(2024, 10, 26, 22, 30, tzinfo=UTC), 8.5),  # 23:30 BST, the night of 25 hours: 07:00 GMT
        (datetime(2024, 3, 30, 23, 30, tzinfo=UTC), 6.5),  # 23:30 GMT, the night of 23 hours: 07:00 BST
        (datetime(2024, 12, 3, 23, 30, tzinfo=UTC), 7.5),
    ],
)
def test_a_shift_begins_by_the_local_clock(began: datetime, hours: float) -> None:
    standing = Standing("contact_999_below_standard", began)
    assert standing.look(hours * 60 - 0.1) == []
    assert standing.look(hours * 60) == ["shift"]
    (changed,) = [each for each in standing.entries if isinstance(each, Reraised)]
    assert changed.changeover == began + timedelta(hours=hours)


def test_a_span_of_the_ladder_is_elapsed_time_over_a_clock_change() -> None:
    """40 minutes from 01:50 BST, ten minutes before the clock goes back."""
    standing = Standing("grade_2_unattended", datetime(2024, 10, 27, 0, 50, tzinfo=UTC))
    assert [standing.look(39), standing.look(40)] == [[], ["sergeant"]]
