"""The clocks that figures depend on: do they agree, was one set lately, and does the log stamp its records with its own."""

from collections.abc import Iterator

from bluelamp.verify.checks.finding import Finding
from bluelamp.wiring.settings import Settings
from facts.times import is_future
from facts.union import TOPICS
from measures.display import rough_words
from measures.outcome import SECOND, instant
from streams.log import BY_LOG, STAMP_HINT, STAMPING, LogClient
from streams.readings import Reader


def stamp_findings(settings: Settings) -> Iterator[Finding]:
    """Topics whose producers stamp the records: no heartbeat on them proves that its feed is alive."""
    with LogClient(settings.kafka) as log:
        topics = sorted({*TOPICS} & log.topics())
        stamping = log.stamping(topics)
    wrong = [(topic, by) for topic, by in stamping.items() if by != BY_LOG]
    for topic, by in wrong:
        what = f"{STAMPING} is {by}: records do not say when the log received them, and no feed of the topic is live."
        hint = f"Start a worker, which sets it, or: {STAMP_HINT.format(topic)}"
        yield Finding("stamps", "bad", what, f"topic {topic}", hint)
    unsaid = ", ".join(topic for topic in topics if topic not in stamping)
    if unsaid:
        hint = "May this client read the configuration of topics?"
        yield Finding("stamps", "unknown", f"Kafka does not say who stamps the records of {unsaid}.", "Kafka", hint)
    elif not wrong:
        yield Finding("stamps", "good", "The log stamps every record with its own time.")


def clock_findings(reader: Reader) -> Iterator[Finding]:
    """Whether this machine's clock agrees with the state server's, and whether any clock was set in the last day."""
    found = [*_difference(reader), *_steps(reader)]
    yield from found or [
        Finding("clock", "good", "It agrees with the state server's, and none was set in the last day.")
    ]


_HINT = "Make every machine's clock follow a time server; until then check that every feed is live."


def _difference(reader: Reader) -> Iterator[Finding]:
    began = reader.now()
    seconds, fraction = reader.redis.time()
    ended, shown = reader.now(), instant(seconds * SECOND + fraction)
    if is_future(shown, ended) or is_future(began, shown):
        by = rough_words(round(abs((shown - began).total_seconds())))
        way = "ahead of" if shown > began else "behind"
        what = f"The state server's clock is {by} {way} this machine's: one of them is wrong."
        yield Finding("clock", "warning", what, f"{shown:%Y-%m-%d %H:%M:%S}Z there", _HINT)


def _steps(reader: Reader) -> Iterator[Finding]:
    for step in reader.clock_steps():
        if step.is_large():
            yield Finding("clock", "warning", step.words(), step.process, _HINT)
