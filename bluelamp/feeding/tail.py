"""The tail command: a growing file followed into the log, with its position kept beside everything else that is kept."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bluelamp.feeding.replay import named_mapping
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings
from bluelamp.wiring.stopping import stopping
from producers.adapters.tail import Tail, TailSettings
from producers.publish import PublisherSettings, connect
from producers.row_facts import digest
from streams.log import LogClient

_LIVE = PublisherSettings(are_facts_checked=True)


def follow(
    settings: Settings,
    file: str,
    mapping: str,
    position: str | None,
    late_seconds: float,
    say: Callable[[str], None],
    *,
    is_silence_trusted: bool,
) -> None:
    """Follow a file until SIGINT or SIGTERM; what was told by then is in the log, and its position kept.

    Args:
        settings: where the log is, and the directory of what is kept.
        file: under which name it grows.
        mapping: its mapping's file, or the name of one that comes with Blue Lamp.
        position: the file to keep the position in; None for one of its own in the directory of what is kept.
        late_seconds: how long after it happened a row may still be written.
        say: tells where the position is kept.
        is_silence_trusted: with nothing more in the file, nothing happened.

    Raises:
        BlueLampError: the mapping, the file, the position or the log has a fault; start it again once that is mended.
    """
    declared, path = named_mapping(mapping), Path(file).absolute()
    kept = Path(position or Path(settings.data, "positions", f"{declared.name}-{digest(str(path))}.json"))
    following = TailSettings(late=timedelta(seconds=late_seconds), is_silence_trusted=is_silence_trusted)
    told_to_stop = stopping()
    with LogClient(settings.kafka) as log:
        log.ensure_topics(settings.partitions)
    say(f"following {path}; the position is kept in {kept}")
    with connect(settings.kafka, _LIVE, now=wall, monotonic=time.monotonic) as publisher:
        Tail(
            path, declared, kept, publisher, following, now=wall, monotonic=time.monotonic, wait=told_to_stop.wait
        ).run()
