"""The benchmarks' own arithmetic: what they print is what they measured."""

from datetime import UTC, datetime

import msgspec
import pytest

from alerts.inbox.log.payload import payload, payload_alert
from alerts.table import RULES
from benchmarks import analyst
from benchmarks.latency import ProbeLatencies, WebhookReceiver, quantile, table
from benchmarks.state_size import KeyGroup, part_of
from benchmarks.state_size import table as sizes

HUNDRED = [float(each) for each in range(1, 101)]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_quantile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert quantile(HUNDRED, share) == expected


def test_a_probe_that_never_arrived_is_counted_and_not_left_out() -> None:
    rows = table([ProbeLatencies(10, "the board", [*HUNDRED, None]), ProbeLatencies(100, "a reading", [None])])
    assert rows.splitlines()[2:] == [
        "| 10 | the board | 50.00 s | 99.00 s | 100 of 101 |",
        "| 100 | a reading | - | - | 0 of 1 |",
    ]


def test_a_page_without_a_whole_answer_is_counted_and_not_left_out() -> None:
    answers = [(1.0, 200), (None, 0), (0.1, 503), (2.0, 200)]
    rows = analyst.table([analyst.PageTime("/trust", seconds, status) for seconds, status in answers])
    assert rows.splitlines()[2:] == ["| `/trust` | 1.00 s | 2.00 s | 2 of 4 |", "| `all` | 1.00 s | 2.00 s | 2 of 4 |"]


def test_a_webhook_counts_from_the_first_post_that_has_the_figure() -> None:
    receiver, began = WebhookReceiver(), datetime(2026, 1, 1, tzinfo=UTC)
    (rule,) = [each for each in RULES if each.name == "grade_1_unattended"]
    for figure in (1.0, 3.0, 2.0):
        alert = payload_alert(rule, {"force": "staffordshire"}, began, figure=figure)
        receiver.add(msgspec.json.encode(payload({"rule": rule.name}, [alert])))
    at = [
        receiver.await_figure(is_it, 0.0)
        for is_it in (lambda _: True, lambda figure: figure >= 2, lambda figure: figure == 2)
    ]
    assert None not in at
    assert at == sorted(at)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("bluelamp:{incidents:3}:timelines", "timelines"),
        ("bluelamp:{incidents:3}:pane:staffordshire:day:739000:incident_opened", "pane of days"),
        ("bluelamp:{contacts:0}:index:staffordshire:minute", "index of minutes"),
        ("bluelamp:version", "other"),
    ],
)
def test_each_key_belongs_to_a_part_of_the_state(key: str, part: str) -> None:
    assert part_of(key) == part


def test_only_what_is_kept_for_long_grows_in_a_year() -> None:
    rows = sizes([KeyGroup("timelines", 1_000, 2_000_000), KeyGroup("pane of hours", 0, 1_000_000)], 10).splitlines()
    assert rows[2:] == ["| timelines | 1,000 | 2.0 | 2,000 | 73 |", "| pane of hours | 0 | 1.0 |  |  |"]
