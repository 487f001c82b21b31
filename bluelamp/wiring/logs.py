"""The log of a process: lines of text or JSON on standard error, at the level that the settings name."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, get_args

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
FORMAT, LEVEL = "BLUELAMP_LOG_FORMAT", "BLUELAMP_LOG_LEVEL"
_TEXT = "%(asctime)s %(name)s %(levelname)s %(message)s"
LIBRARIES = {
    "kafka": logging.ERROR,
    "kafka.net": logging.CRITICAL,
    "aiokafka": logging.CRITICAL,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "opentelemetry": logging.CRITICAL,
}
"""Libraries that report every attempt to reconnect; we report each cause ourselves."""
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_logger = logging.getLogger("bluelamp")


class JsonLines(logging.Formatter):
    """One JSON object for each entry; what a caller passes as `extra` becomes fields of their own.

    Args:
        always: fields of every entry, such as the name of the service.
    """

    def __init__(self, always: Mapping[str, str]) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """The line of an entry."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._always,
        }
        entry |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def start_log(environment: Mapping[str, str], always: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Write the log of this process, and let errors that nothing catches reach it too.

    Args:
        environment: holds the format and the level. A wrong value counts as the default: loading the settings refuses it.
        always: fields of every JSON entry.
        stream: where it is written; standard error unless given.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    is_json = environment.get(FORMAT) == "json"
    handler.setFormatter(JsonLines(always) if is_json else logging.Formatter(_TEXT))
    level = environment.get(LEVEL, "")
    chosen = getattr(logging, level.upper()) if level in get_args(LogLevel) else logging.INFO
    logging.basicConfig(level=chosen, handlers=[handler])
    for name, least in LIBRARIES.items():
        logging.getLogger(name).setLevel(max(least, chosen))
    if is_json:
        logging.captureWarnings(capture=True)
        sys.excepthook = _uncaught
        threading.excepthook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def is_json() -> bool:
    """Whether this process writes its log as JSON."""
    return any(isinstance(each.formatter, JsonLines) for each in logging.getLogger().handlers)


def announcer(echo: Callable[[str], None]) -> Callable[[str], None]:
    """A function that prints a line; in a process that logs JSON the line is an entry, so that all output can be parsed."""
    return _logger.info if is_json() else echo


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    if error is not None:
        _logger.critical("an error ended the process or a thread", exc_info=(kind, error, trace))
