"""Hooks that schemathesis loads: they make it send only times that the gateway accepts, which JSON Schema cannot express."""

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies

_TIMES = strategies.datetimes(datetime(1990, 1, 2), datetime(2026, 1, 1), timezones=strategies.just(UTC))  # noqa: DTZ001
schemathesis.openapi.format("date-time", _TIMES.map(datetime.isoformat))
