"""Faust, used as its documentation shows: agents, tables with changelogs, panes in a table. Arguments: Kafka's address, the end, the facts."""

import json
import os
import sys
import tempfile
import time
from typing import Any

import faust
from question import FinishedWait, follow, last_hour, subject_of


def main(address: str, end: str, facts: str) -> None:
    """Count every fact, and print seconds, processor seconds and the answer."""
    app = faust.App(
        "peer",
        broker=f"kafka://{address}",
        store="memory://",
        datadir=tempfile.mkdtemp(),
        web_enabled=False,
        topic_partitions=1,
        value_serializer="json",
        consumer_auto_offset_reset="earliest",
    )
    subjects = app.Table("subjects", default=dict, partitions=1)
    panes = app.Table("panes", default=list, partitions=1)
    seen = _Seen(int(facts), end, panes)
    for name in ("contacts", "incidents"):
        _add_agent(app, name, subjects, panes, seen)
    app.main()


def _add_agent(app: Any, name: str, subjects: Any, panes: Any, seen: "_Seen") -> None:
    async def agent(stream: Any) -> None:
        async for fact in stream:
            subject = subject_of(fact)
            known = subjects[subject]
            span = follow(known, fact)
            subjects[subject] = known
            if span:
                pane = f"{span.key}|{span.minute}"
                panes[pane] = [*panes[pane], span.seconds]
            seen.add()

    app.agent(app.topic(name), name=name)(agent)


class _Seen:
    """Counts facts; after the last one it prints the answer and ends the process."""

    def __init__(self, facts: int, end: str, panes: Any) -> None:
        self._left, self._end, self._panes = facts, end, panes
        self._started: tuple[float, float] | None = None

    def add(self) -> None:
        """Count a fact."""
        self._started = self._started or (time.perf_counter(), time.process_time())
        self._left -= 1
        if not self._left:
            cost = {
                "seconds": time.perf_counter() - self._started[0],
                "processor": time.process_time() - self._started[1],
            }
            # Faust redirects `print` to its log.
            os.write(1, json.dumps({**cost, "answer": last_hour(self._spans(), self._end)}).encode() + b"\n")
            os._exit(0)

    def _spans(self) -> list[FinishedWait]:
        found = []
        for pane, seconds in self._panes.items():
            key, minute = pane.split("|")
            found += [FinishedWait(key, int(minute), each) for each in seconds]
        return found


if __name__ == "__main__":
    address, end, facts = sys.argv[1:4]
    sys.argv[1:] = ["worker", "-l", "error"]
    main(address, end, facts)
