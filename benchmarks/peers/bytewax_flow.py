"""Bytewax: a dataflow from Kafka, with keyed state and tumbling windows of a minute. Arguments: Kafka's address, the end, the paths."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import operators as kafka
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.testing import TestingSink, run_main
from question import FinishedWait, follow, last_hour, subject_of

_ALIGNED = datetime(2024, 1, 1, tzinfo=UTC)
_LATE = timedelta(hours=1)


def flow(address: str, into: list[Any]) -> Dataflow:
    """The dataflow; its panes go into a list."""
    made = Dataflow("peer")
    source = kafka.input("log", made, brokers=[address], topics=["contacts", "incidents"], tail=False)
    facts = op.map("decode", source.oks, lambda message: json.loads(message.value))
    keyed = op.key_on("subject", facts, subject_of)
    spans = op.flat_map(
        "finished", op.stateful_map("follow", keyed, _followed), lambda each: [each[1]] if each[1] else []
    )
    clock = windowing.EventClock(
        ts_getter=lambda span: datetime.fromtimestamp(span.minute * 60, UTC), wait_for_system_duration=_LATE
    )
    minutes = windowing.TumblingWindower(length=timedelta(minutes=1), align_to=_ALIGNED)
    panes = windowing.collect_window("panes", op.key_on("key", spans, lambda span: span.key), clock, minutes)
    op.output("out", panes.down, TestingSink(into))
    return made


def _followed(known: dict[str, Any] | None, fact: dict[str, Any]) -> tuple[dict[str, Any], FinishedWait | None]:
    known = known if known is not None else {}
    return known, follow(known, fact)


def main(address: str, end: str) -> None:
    """Run to the end of the log, and print seconds, processor seconds and the answer."""
    panes: list[Any] = []
    made = flow(address, panes)
    wall, used = time.perf_counter(), time.process_time()
    run_main(made)
    spans = [span for _, (_, found) in panes for span in found]
    cost = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - used}
    print(json.dumps({**cost, "answer": last_hour(spans, end)}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
