"""From what an engine tells to entries of the log: one alert for a rule and scope, and no end that is not sure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from alerts.inbox.entry import AnyEntry, Ended, Raised, alert_id
from alerts.inbox.payload import PayloadAlert
from alerts.inbox.state import Alert, InboxState
from alerts.rule import Rule
from facts.times import is_future

Truth = Callable[[str, Mapping[str, str]], bool | None]
"""Whether an alert of a rule and scope stands, as its engine knows for sure; None when that cannot be said."""


def by_name(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Rules by their names, heartbeats left out: they are no alerts."""
    return {rule.name: rule for rule in rules if rule.severity != "heartbeat"}


def scope_words(rule: Rule, labels: Mapping[str, str]) -> dict[str, str]:
    """The words that an alert of a rule stands apart for."""
    return {name: labels[name] for name in rule.series.by if labels.get(name)}


def intake(
    told: Sequence[PayloadAlert], rules: Mapping[str, Rule], book: InboxState, now: datetime, truth: Truth | None = None
) -> Iterator[AnyEntry]:
    """The entries that a payload comes to.

    Args:
        told: its alerts.
        rules: the table, by name; what is of no rule of it is not ours.
        book: as it stands.
        now: the wall clock.
        truth: of an engine whose word alone does not end an alert: Alertmanager ends what it no longer hears of.
    """
    for each in told:
        rule = rules.get(each.labels.get("rule", ""))
        if rule:
            take = _begun if each.status == "firing" else _over
            yield from take(each, rule, book, now, truth)


def _begun(told: PayloadAlert, rule: Rule, book: InboxState, now: datetime, truth: Truth | None) -> Iterator[AnyEntry]:
    scope = scope_words(rule, told.labels)
    if book.standing_of(rule.name, scope):
        return
    if not _is_old(told, rule, scope, book, now):
        yield raised(rule, scope, told.starts_at, now)
    elif truth and truth(rule.name, scope):
        # An engine that was cut off goes on with the beginning of before; that it stands now is sure.
        yield raised(rule, scope, now, now)


def _over(told: PayloadAlert, rule: Rule, book: InboxState, now: datetime, truth: Truth | None) -> Iterator[AnyEntry]:
    scope = scope_words(rule, told.labels)
    ended_at = min(told.ends_at, now)
    standing = book.standing_of(rule.name, scope)
    if standing:
        # An end of before, told once more, is not the end of what has begun since.
        meant = [each for each in standing if _began(each, now) <= told.ends_at]
        if meant and (truth is None or truth(rule.name, scope) is False):
            yield from (ended(each, max(ended_at, _began(each, now)), now) for each in meant)
    elif truth is None and not _is_old(told, rule, scope, book, now):
        # It came and went while we could not be reached: told late, and not lost.
        begun = raised(rule, scope, told.starts_at, now)
        yield begun
        yield Ended(id=f"{begun.alert}:ended", alert=begun.alert, at=now, ended=ended_at)


def _began(alert: Alert, now: datetime) -> datetime:
    """When an alert began; the earliest time there is if a clock that was ahead dated it, because then it is unknown."""
    began = alert.raised.began
    return datetime.min.replace(tzinfo=UTC) if is_future(began, now) else began


def _is_old(told: PayloadAlert, rule: Rule, scope: Mapping[str, str], book: InboxState, now: datetime) -> bool:
    """Whether this alert has ended already: payloads may arrive twice, and late.

    An end in the future was dated by a clock that was ahead, and says nothing about an alert that began at a believable time.
    """
    is_dated_ahead = is_future(told.starts_at, now)
    ends = (end for end in book.ends(rule.name, scope) if is_dated_ahead or not is_future(end, now))
    return any(told.starts_at <= end for end in ends)


def raised(rule: Rule, scope: Mapping[str, str], began: datetime, now: datetime) -> Raised:
    """The entry with which an alert begins."""
    name = alert_id(rule.name, scope, began)
    return Raised(
        id=f"{name}:raised",
        alert=name,
        at=now,
        rule=rule.name,
        scope=dict(scope),
        began=began,
        severity=rule.severity,
        title=rule.title,
        who=rule.who,
        what_to_do=rule.what_to_do,
        measure=rule.measure,
        is_child=rule.is_child,
    )


def ended(alert: Alert, at: datetime, now: datetime) -> Ended:
    """The entry with which an alert ends."""
    return Ended(id=f"{alert.id}:ended", alert=alert.id, at=now, ended=at)


def reconcile(book: InboxState, now: datetime, truth: Truth) -> Iterator[AnyEntry]:
    """The ends that an engine knows of for sure and was not heard of: Alertmanager does not tell all of them."""
    for alert in book.standing():
        if truth(alert.raised.rule, alert.raised.scope) is False:
            yield ended(alert, now, now)
