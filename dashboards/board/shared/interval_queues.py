"""The queues that the Intervals page shows, each with its columns: figures of measures in the catalogue."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import is_displayed
from facts.errors import QuestionError
from facts.force import LOCAL, TRIAGE, Force
from measures.catalogue import CATALOGUE
from measures.measure import Measure, Where

Part = Literal["value", "n", "met", "minutes", "rostered"]
"""What a column shows: of a reading its value, its n, or for a share the number that meet the condition; or the mean over minutes.

`rostered` is not from the record: it is how many call takers the roster plans, as the mean over half-hours.
"""
_STAYS = "Offered counts each call once, in its first queue. The other columns count each stay in a queue."


class IntervalColumn(Struct, frozen=True):
    """A column.

    Attributes:
        title: its heading.
        name: the name of its measure.
        part: the part of the reading that it shows.
        where: the labels that it is filtered by.
    """

    title: str
    name: str
    part: Part = "value"
    where: Where = {}

    @property
    def measure(self) -> Measure:
        """Its measure."""
        return CATALOGUE[self.name]


class IntervalQueue(NamedTuple):
    """A queue, or all queues of a line.

    Attributes:
        name: its name in an address.
        title: its name for people.
        line: the line of its contacts.
        queue: the label of the queue; empty for all queues of the line.
        columns: its columns.
        note: what a reader of its columns must know.
    """

    name: str
    title: str
    line: str
    queue: str
    columns: tuple[IntervalColumn, ...]
    note: str = ""


def _waits(mean: str, median: str, within: str, where: Where) -> tuple[IntervalColumn, ...]:
    """How fast contacts were answered."""
    return (
        IntervalColumn("Answered within target", within, "value", where),
        IntervalColumn("Median wait", median, "value", where),
        IntervalColumn("Mean wait", mean, "value", where),
    )


_MEAN_101, _MEDIAN_101 = "contact_101_answer_mean_seconds", "contact_101_answer_median_seconds"
_WITHIN_101, _SERVICE_101 = "contact_101_answered_within_target_ratio", "contact_101_service_level_ratio"
_IN_TRIAGE, _IN_LOCAL = {"queue": (TRIAGE,)}, {"queue": (LOCAL,)}

QUEUES = (
    IntervalQueue(
        "999",
        "999",
        "999",
        "",
        (
            IntervalColumn("Offered", "contact_999_offered_count"),
            IntervalColumn("Answered", "contact_999_answer_mean_seconds", "n"),
            IntervalColumn("Abandoned", "contact_999_abandoned_ratio", "met"),
            IntervalColumn("Service level", "contact_999_service_level_ratio"),
            *_waits(
                "contact_999_answer_mean_seconds",
                "contact_999_answer_median_seconds",
                "contact_999_answered_within_target_ratio",
                {},
            ),
        ),
    ),
    IntervalQueue(
        "101",
        "101, all queues",
        "101",
        "",
        (
            IntervalColumn("Offered", "contact_101_offered_count"),
            IntervalColumn("Answered", _MEAN_101, "n"),
            IntervalColumn("Abandoned", "contact_101_abandoned_ratio", "met"),
            IntervalColumn("Service level", _SERVICE_101),
            *_waits(_MEAN_101, _MEDIAN_101, _WITHIN_101, {}),
        ),
        _STAYS,
    ),
    IntervalQueue(
        "triage",
        "101 triage",
        "101",
        TRIAGE,
        (
            IntervalColumn("Offered", "contact_101_offered_count", "value", _IN_TRIAGE),
            IntervalColumn("Answered", "triage_answered_count"),
            IntervalColumn("Abandoned", "triage_abandoned_ratio", "met"),
            IntervalColumn("Service level", _SERVICE_101, "value", _IN_TRIAGE),
            *_waits(_MEAN_101, _MEDIAN_101, _WITHIN_101, _IN_TRIAGE),
        ),
        _STAYS,
    ),
    IntervalQueue(
        "post_triage",
        "101 after triage",
        "101",
        LOCAL,
        (
            IntervalColumn("Offered", "post_triage_offered_count"),
            IntervalColumn("Answered", "post_triage_answer_median_seconds", "n"),
            IntervalColumn("Abandoned", "post_triage_abandoned_ratio", "met"),
            IntervalColumn("Service level", _SERVICE_101, "value", _IN_LOCAL),
            *_waits(_MEAN_101, _MEDIAN_101, _WITHIN_101, _IN_LOCAL),
        ),
    ),
    IntervalQueue(
        "digital",
        "Digital",
        "digital",
        "",
        (
            IntervalColumn("Offered", "digital_offered_count"),
            IntervalColumn("Answered", "digital_answer_mean_seconds", "n"),
            IntervalColumn("Mean wait", "digital_answer_mean_seconds"),
        ),
    ),
)


def interval_queues(view: View) -> Iterator[IntervalQueue]:
    """The queues that the force has."""
    labels = {queue.label for queue in view.profile.queues}
    for each in QUEUES:
        if (not each.queue or each.queue in labels) and all(is_displayed(one.measure, view) for one in each.columns):
            yield each._replace(columns=(*each.columns, *_of_takers(each, view)))


def _of_takers(queue: IntervalQueue, view: View) -> Iterator[IntervalColumn]:
    """The columns about the call takers of a queue; none without a feed of call takers."""
    staffed, labels = CATALOGUE["call_taker_staffed_count"], _labels(queue, view.profile)
    skills = tuple(each.label for each in view.profile.skills if set(labels) & set(each.queues))
    handling = handling_column(queue, view.profile)
    if skills and handling:
        yield IntervalColumn("Staffed", staffed.name, "minutes", {"skill": skills})
        if view.roster() is not None:
            yield IntervalColumn("Rostered", staffed.name, "rostered", {"skill": skills})
        yield handling


def handling_column(queue: IntervalQueue, force: Force) -> IntervalColumn | None:
    """The column of the mean handling time of a queue; None if no call takers answer it, or without a feed of call takers."""
    handling, labels = CATALOGUE["handling_mean_seconds"], _labels(queue, force)
    is_answered = any(set(labels) & set(each.queues) for each in force.skills)
    if not (is_answered and handling.feeds(force)):
        return None
    return IntervalColumn("Handling time", handling.name, "value", {"queue": labels})


def _labels(queue: IntervalQueue, force: Force) -> tuple[str, ...]:
    """The labels of the force's queues that belong to a queue of the page."""
    return tuple(each.label for each in force.queues if each.line == queue.line and queue.queue in ("", each.label))


def find_queue(name: str, view: View) -> IntervalQueue:
    """The queue of a name; the first one if the name is empty.

    Raises:
        QuestionError: the force has no such queue.
    """
    queues = list(interval_queues(view))
    found = next((each for each in queues if name in ("", each.name)), None)
    if found is None:
        hint = f"Choose one of {', '.join(each.name for each in queues) or 'none'}."
        raise QuestionError(f"The page Intervals has no queue {name!r}.", where="queue", hint=hint)
    return found


def queue_of(measure: Measure) -> str:
    """The name of the queue whose contacts a measure counts; empty if no queue has its figures."""
    queues = measure.where.get("queue", ())
    label = queues[0] if len(queues) == 1 else ""
    return next((each.name for each in QUEUES if measure.lines() == {each.line} and label == each.queue), "")
