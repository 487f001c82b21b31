"""The log of a process: JSON or text, its level, and no flood while a part is away."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from bluelamp.wiring import logs
from bluelamp.wiring.logs import JsonLines, start_log
from bluelamp.wiring.settings import load
from facts.errors import SettingError
from producers.repeated import RepeatedLines


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """The root logger; everything is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    monkeypatch.setattr("threading.excepthook", lambda *_: None)
    yield root
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_every_line_is_a_json_object_with_its_fields(root: logging.Logger) -> None:
    stream = io.StringIO()
    root.handlers.clear()  # pytest's own
    start_log({"BLUELAMP_LOG_FORMAT": "json"}, {"service": "worker"}, stream)
    logger = logging.getLogger("bluelamp.worker")
    logger.warning("two\nlines of %s", "text", extra={"partition": 3})
    try:
        int("é")
    except ValueError:
        logger.exception("failed")
    logs.announcer(print)("ready http://127.0.0.1:1/")
    sys.excepthook(KeyError, KeyError("key"), None)
    first, second, third, fourth = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "level": "warning",
        "logger": "bluelamp.worker",
        "message": "two\nlines of text",
        "service": "worker",
        "partition": 3,
    }
    assert second["traceback"].endswith("base 10: 'é'")
    assert (third["message"], third["level"]) == ("ready http://127.0.0.1:1/", "info")
    assert (fourth["level"], fourth["traceback"]) == ("critical", "KeyError: 'key'")


def test_the_level_is_a_setting_and_text_is_the_default(root: logging.Logger) -> None:
    stream = io.StringIO()
    root.handlers.clear()  # pytest's own
    start_log({"BLUELAMP_LOG_LEVEL": "warning"}, {}, stream)
    logging.getLogger("bluelamp.board").info("not this")
    for library in ("kafka.net.manager", "aiokafka", "aiokafka.consumer.fetcher"):
        logging.getLogger(library).error("nor a library's every attempt to reconnect")
    logging.getLogger("bluelamp.board").warning("but this")
    assert stream.getvalue().endswith("bluelamp.board WARNING but this\n")
    assert stream.getvalue().count("\n") == 1
    assert not any(isinstance(each.formatter, JsonLines) for each in root.handlers)
    for name in ("LOG_FORMAT", "LOG_LEVEL"):
        with pytest.raises(SettingError):
            load({f"BLUELAMP_{name}": "loud"})


def test_a_repeated_line_is_logged_at_intervals_with_how_often_it_was_left_out() -> None:
    said: list[str] = []
    now = iter(range(1000))
    lines = RepeatedLines(said.append, lambda: float(next(now)), every_seconds=30)
    for _ in range(61):
        lines.add("cause", "It failed.")
    assert said == ["It failed.", *["It failed. (29 more like this were not logged.)"] * 2]
    lines.end()
    assert said[-1] == "Over: It failed."
