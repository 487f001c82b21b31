"""The tail command: follow a growing file into the log, and save the position reached."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec

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
    """Follow a file until SIGINT or SIGTERM; by then every published fact is in the log and the position is saved.

    Args:
        settings: give the log's address and the data directory.
        file: name of the growing file.
        mapping: the mapping's file, or the name of a supplied mapping.
        position: the file to save the position in; None for one under the data directory.
        late_seconds: the longest time from an event to the row that records it.
        say: prints where the position is saved.
        is_silence_trusted: treat the feed as complete while no rows arrive.

    Raises:
        BlueLampError: the mapping, the file, the position or the log has a fault. Run the command again once it is repaired.
    """
    declared, path = named_mapping(mapping), Path(file).absolute()
    position_path = Path(position or Path(settings.data, "positions", f"{declared.name}-{digest(str(path))}.json"))
    following = TailSettings(late=timedelta(seconds=late_seconds), is_silence_trusted=is_silence_trusted)
    stop = stopping()
    with LogClient(settings.log()) as log:
        log.ensure_topics(settings.partitions)
    say(f"following {path}; the position is saved in {position_path}")
    publishing = msgspec.structs.replace(_LIVE, mapping=declared.name)
    with connect(settings.log(), publishing, now=wall, monotonic=time.monotonic) as publisher:
        Tail(
            path, declared, position_path, publisher, following, now=wall, monotonic=time.monotonic, wait=stop.wait
        ).run()
