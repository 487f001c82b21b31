"""Loaded by schemathesis: the times it makes up are such as the gateway takes, which JSON Schema cannot say."""

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies

_TIMES = strategies.datetimes(datetime(1990, 1, 2), datetime(2026, 1, 1), timezones=strategies.just(UTC))  # noqa: DTZ001
schemathesis.openapi.format("date-time", _TIMES.map(datetime.isoformat))
