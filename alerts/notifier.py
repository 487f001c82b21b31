"""Tells the inbox of the alerts of the engine in process, in Alertmanager's words, again and again until it has taken them."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, TypeVar

from alerts.engine import Over, Place, RuleAlert
from alerts.inbox.payload import Payload, PayloadAlert, payload, told
from alerts.inhibition import is_quiet
from alerts.prometheus import GROUP_BY
from alerts.rule import Rule
from measures.outcome import SECOND, instant

AGAIN_SECONDS = 20.0
"""What fires is told again so often: an inbox that has lost its last second then knows of it, and a watcher that all is well."""
_COMPLAIN_SECONDS = 30.0
_logger = logging.getLogger("bluelamp.alerts")

Standing = tuple[tuple[str, dict[str, str], int], ...]
"""Rule, scope and beginning (microseconds since 1970) of each alert that stands in the inbox."""
Post = Callable[[Payload], Standing]
"""Hands a payload to the inbox and answers with what then stands there; raises OSError when it may not have it."""
_Each = TypeVar("_Each")


class Picture(NamedTuple):
    """What there is to tell after a step.

    Attributes:
        firing: the alerts that fire and are not kept quiet.
        over: those that have ended and are not known to have been told, with their rules.
    """

    firing: Sequence[RuleAlert]
    over: Sequence[tuple[Rule, Place, Over]]


class InboxReply(NamedTuple):
    """What was heard back from the inbox.

    Attributes:
        taken: the ends that it has taken, which need not be kept any more.
        standing: what stands there since.
    """

    taken: set[tuple[Place, Over]]
    standing: Standing


def labels_of(alert: RuleAlert) -> dict[str, str]:
    """The labels that Prometheus would give an alert."""
    return {**alert.rule.labels(), **{name: word for name, word in alert.scope.items() if word}}


def heard(alerts: Iterable[RuleAlert]) -> list[RuleAlert]:
    """The alerts that fire and that no other keeps quiet."""
    firing = [each for each in alerts if each.state == "firing"]
    labels = [labels_of(each) for each in firing]
    return [each for each, own in zip(firing, labels, strict=True) if not is_quiet(own, labels)]


def place_of(alert: RuleAlert) -> Place:
    """What an alert is remembered under."""
    return alert.rule.name, tuple(alert.scope[name] for name in alert.rule.series.by)


def _began(rule: Rule, active_at: int) -> datetime:
    """When an alert begins: once it has been bad for as long as its rule asks; the same after any restart."""
    return instant(active_at + rule.for_seconds * SECOND)


class Notifier:
    """Tells what there is to tell, from a thread of its own: the engine's pace must not hang on the inbox.

    Args:
        post: hands a payload over.
        monotonic: a clock that never jumps.
    """

    def __init__(self, post: Post, monotonic: Callable[[], float]) -> None:
        self._post, self._monotonic = post, monotonic
        self._picture = Picture((), ())
        self._told_at: dict[tuple[Place, int], float] = {}
        self._taken: set[tuple[Place, Over]] = set()
        self._standing: Standing = ()
        self._complained_at = float("-inf")
        self._turn, self._is_stopped = threading.Condition(), False
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Stop telling."""
        with self._turn:
            self._is_stopped = True
            self._turn.notify()

    def show(self, picture: Picture) -> InboxReply:
        """Give it what there is to tell now; answers with what was heard back since it was given something last."""
        with self._turn:
            back = InboxReply(self._taken, self._standing)
            self._taken, self._standing = set(), ()
            over = [each for each in picture.over if (each[1], each[2]) not in back.taken]
            self._picture = Picture(picture.firing, over)
            self._turn.notify()
        return back

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait()
                if self._is_stopped:
                    return
                picture = self._picture
            try:
                self.tell(picture)
            except Exception:
                _logger.exception("the inbox was not told")

    def tell(self, picture: Picture) -> None:
        """Tell what is due: ends first, for what has ended may have begun again."""
        for group, ends in _groups(picture.over, lambda each: (each[0], _words(each[0], each[1]))):
            if self._hand_over(group, [_ended(*each) for each in ends], {(each[1], each[2]) for each in ends}):
                continue
            return
        now = self._monotonic()
        standing = {(place_of(each), each.active_at) for each in picture.firing}
        self._told_at = {key: at for key, at in self._told_at.items() if key in standing}
        due = [each for each in picture.firing if self._is_due(each, now)]
        for group, firing in _groups(due, lambda each: (each.rule, each.scope)):
            if self._hand_over(group, [_firing(each) for each in firing]):
                self._told_at |= {(place_of(each), each.active_at): now for each in firing}

    def _is_due(self, alert: RuleAlert, now: float) -> bool:
        return now - self._told_at.get((place_of(alert), alert.active_at), float("-inf")) >= AGAIN_SECONDS

    def _hand_over(
        self, group: Mapping[str, str], alerts: Sequence[PayloadAlert], ends: Iterable[tuple[Place, Over]] = ()
    ) -> bool:
        try:
            standing = self._post(payload(group, alerts))
        except OSError as error:
            if self._monotonic() - self._complained_at >= _COMPLAIN_SECONDS:
                self._complained_at = self._monotonic()
                _logger.warning("the inbox does not take alerts; they are told again until it does: %s", error)
            return False
        with self._turn:
            # Together: what stands there is then never older than the ends that it has taken.
            self._taken |= set(ends)
            self._standing = standing
        return True


def _groups(
    every: Iterable[_Each], rule_and_scope: Callable[[_Each], tuple[Rule, Mapping[str, str]]]
) -> Iterator[tuple[dict[str, str], list[_Each]]]:
    """What is told at once, with the labels that it shares."""

    def group(each: _Each) -> tuple[tuple[str, str], ...]:
        rule, scope = rule_and_scope(each)
        labels = {**rule.labels(), **scope}
        return tuple((name, labels[name]) for name in GROUP_BY if labels.get(name))

    for labels, rows in groupby(sorted(every, key=group), key=group):
        yield dict(labels), list(rows)


def _firing(alert: RuleAlert) -> PayloadAlert:
    return told(alert.rule, alert.scope, _began(alert.rule, alert.active_at))


def _ended(rule: Rule, place: Place, over: Over) -> PayloadAlert:
    return told(rule, _words(rule, place), _began(rule, over.active_at), instant(over.ended))


def _words(rule: Rule, place: Place) -> dict[str, str]:
    return dict(zip(rule.series.by, place[1], strict=True))
