"""Reads the events that a contact-centre platform pushes, by a mapping, as if each were a row of JSON lines."""

from collections.abc import Callable, Iterator
from datetime import datetime

from facts.errors import MappingError
from facts.union import AnyFact
from producers.declaration import Mapping, columns_used
from producers.extract import RowReader
from producers.gateway.events import Event, events_of
from producers.gateway.problem import FactError, problem
from producers.gateway.sent import Sent
from producers.rows import row_of
from producers.values import MalformedError

_HINT = "Change this webhook's mapping or the platform's settings; docs/feed/mappings.md explains the reason."


class Webhook:
    """Reads the events of one platform. It remembers nothing between events, so any gateway can read any event.

    Args:
        mapping: the mapping to read them by; its source is JSON lines and each event gives its facts by itself.
        now: the wall clock.
        events_max: the most events in one request.

    Raises:
        MappingError: the mapping cannot be used for a webhook.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime], events_max: int) -> None:
        for what, is_unfit in (
            ("its source is not JSON lines", mapping.source.format != "json_lines"),
            ("it makes a fact from several events", any(each.per != "row" for each in mapping.facts)),
            ("it joins subjects, and a webhook remembers no event", mapping.subject.join is not None),
            ("it follows sessions, and a webhook remembers no event", mapping.subject.session is not None),
            ("it leaves out repeated events, and a webhook remembers none", bool(mapping.rows.distinct_by)),
        ):
            if is_unfit:
                hint = "See producers/mappings/contact_centre_webhook.toml for a mapping that can."
                raise MappingError(f"A webhook cannot use this mapping: {what}.", where=mapping.name, hint=hint)
        self.mapping, self._now, self._events_max = mapping, now, events_max
        self._columns = frozenset(columns_used(mapping))

    def read(self, sent: Sent) -> list[AnyFact]:
        """Read the facts of a request with one event or several.

        Raises:
            ProblemError: the body cannot be read, or an event in it; the request must not be published.
        """
        events = events_of(sent)
        if len(events) > self._events_max:
            title = f"The request has {len(events):,} events; the limit is {self._events_max:,}."
            raise problem("event_refused", 422, title, "Send them in several requests.")
        facts: list[AnyFact] = []
        errors: list[FactError] = []
        for number, event in enumerate(events):
            try:
                facts.extend(self._facts(event, number))
            except MalformedError as error:
                errors.append(
                    FactError(fact=number, field=error.column, reason=error.fault, detail=error.what, hint=_HINT)
                )
        if errors:
            title = f"{len(errors):,} of {len(events):,} events cannot be read, so none was accepted."
            raise problem(
                "event_refused", 422, title, "Correct what `errors` lists, then send the request again.", errors
            )
        return facts

    def _facts(self, event: Event, number: int) -> Iterator[AnyFact]:
        row = row_of(number, event, self.mapping.source, self._columns)
        result = RowReader(self.mapping, self._now).read(row)
        if not isinstance(result, str):
            yield from result.facts
