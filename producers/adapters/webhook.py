"""What a contact centre's platform pushes, event by event, read by a mapping as if each were a row of JSON lines."""

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from facts.errors import MappingError
from facts.union import AnyFact
from producers.declaration import Mapping, columns_used
from producers.extract import RowReader
from producers.gateway.problem import FactError, problem
from producers.rows import row_of
from producers.values import MalformedError

_HINT = "The mapping of this webhook, or the platform, must change; docs/mappings.md explains the reason."


class Webhook:
    """Reads the events of one platform; keeps nothing between them, so that any gateway can take any event.

    Args:
        mapping: by which they are read; its source is JSON lines, and each of its facts is told by one event alone.
        now: the wall clock.
        events_max: the most events in one request.

    Raises:
        MappingError: the mapping is not of that kind.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime], events_max: int) -> None:
        for what, is_so in (
            ("Its source is not JSON lines.", mapping.source.format != "json_lines"),
            ("A fact of it is told by several events together.", any(each.per != "row" for each in mapping.facts)),
            ("It leaves out repeated events, which takes a memory of them.", bool(mapping.rows.distinct_by)),
        ):
            if is_so:
                hint = "producers/mappings/contact_centre_webhook.toml is one that can."
                raise MappingError(f"{what} A webhook cannot be read by it.", where=mapping.name, hint=hint)
        self.mapping, self._now, self._events_max = mapping, now, events_max
        self._columns = frozenset(columns_used(mapping))

    def read(self, body: bytes) -> list[AnyFact]:
        """The facts of a request: of one event, or of several in an array.

        Raises:
            ProblemError: it is no JSON, or an event cannot be read; nothing of it is published.
        """
        events = self._events(body)
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
            title = f"{len(errors):,} of {len(events):,} events cannot be read, so none was taken."
            raise problem("event_refused", 422, title, "Mend what `errors` lists, and send them again.", errors)
        return facts

    def _events(self, body: bytes) -> list[dict[str, object]]:
        try:
            told = msgspec.json.decode(body, type=dict[str, object] | list[dict[str, object]])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            title = "The body is not a JSON object, nor an array of such."
            raise problem("not_json", 400, title, "Send one event as an object, or several as an array.") from None
        events = told if isinstance(told, list) else [told]
        if len(events) > self._events_max:
            title = f"The request has {len(events):,} events; the most is {self._events_max:,}."
            raise problem("event_refused", 422, title, "Send them in several requests.")
        return events

    def _facts(self, event: dict[str, object], number: int) -> Iterator[AnyFact]:
        told = RowReader(self.mapping, self._now).read(row_of(number, event, self.mapping.source, self._columns))
        if not isinstance(told, str):
            yield from told.facts
