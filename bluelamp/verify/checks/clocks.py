"""Checks of clocks: do they agree, was one changed in the last day, and does Kafka timestamp the records itself."""

from collections.abc import Iterator

from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.settings import Settings
from facts.times import is_future
from facts.union import TOPICS
from measures.display import rough_words
from measures.outcome import SECOND, instant
from streams.log import BY_LOG, STAMP_HINT, STAMPING, LogClient
from streams.readings import Reader


def stamp_results(settings: Settings) -> Iterator[CheckResult]:
    """Whether Kafka timestamps the records of every topic. A heartbeat timestamped by its producer proves nothing."""
    with LogClient(settings.log()) as log:
        topics = sorted({*TOPICS} & log.topics())
        stamping = log.stamping(topics)
    wrong = [(topic, by) for topic, by in stamping.items() if by != BY_LOG]
    for topic, by in wrong:
        what = (
            f"{STAMPING} is {by}, so records do not say when the log received them. No feed of this topic can be live."
        )
        hint = f"Start a worker, which changes it, or run: {STAMP_HINT.format(topic)}"
        yield CheckResult("stamps", "bad", what, f"topic {topic}", hint)
    unsaid = ", ".join(topic for topic in topics if topic not in stamping)
    if unsaid:
        hint = "Allow this client to read the configuration of topics."
        what = f"Kafka does not say whether it timestamps the records of {unsaid}."
        yield CheckResult("stamps", "unknown", what, "Kafka", hint)
    elif not wrong:
        yield CheckResult("stamps", "good", "Kafka timestamps every record when it receives it.")


def clock_results(reader: Reader) -> Iterator[CheckResult]:
    """Whether this machine's clock agrees with the state server's, and whether any clock was changed in the last day."""
    found = [*_difference(reader), *_steps(reader)]
    yield from found or [
        CheckResult("clock", "good", "It agrees with the state server's clock. No clock was changed in the last day.")
    ]


_HINT = "Synchronise every machine's clock with a time server. Until then, check that every feed is live."


def _difference(reader: Reader) -> Iterator[CheckResult]:
    began = reader.now()
    seconds, fraction = reader.redis.time()
    ended, other = reader.now(), instant(seconds * SECOND + fraction)
    if is_future(other, ended) or is_future(began, other):
        by = rough_words(round(abs((other - began).total_seconds())))
        way = "ahead of" if other > began else "behind"
        what = f"The state server's clock is {by} {way} this machine's. One of them is wrong."
        yield CheckResult("clock", "warning", what, f"state server at {other:%Y-%m-%d %H:%M:%S}Z", _HINT)


def _steps(reader: Reader) -> Iterator[CheckResult]:
    for step in reader.clock_steps():
        if step.is_large():
            yield CheckResult("clock", "warning", step.words(), step.process, _HINT)
