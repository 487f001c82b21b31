"""A Faust worker as a separate process: `faust_worker.py BOOTSTRAP TOPIC GROUP OUTPUT DIRECTORY`.

Appends the value of every message it handles to OUTPUT, one line each.
"""

import os
import sys

import faust


def worker(bootstrap: str, topic: str, group: str, output: str, directory: str) -> faust.Worker:
    """A worker with one agent on the topic."""
    app = faust.App(
        group,
        broker=f"aiokafka://{bootstrap}",
        store="memory://",
        datadir=directory,
        web_enabled=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        broker_session_timeout=2.0,
        broker_heartbeat_interval=0.3,
        broker_request_timeout=10.0,
        broker_commit_interval=0.2,
        consumer_auto_offset_reset="earliest",
    )
    source = app.topic(topic, value_type=bytes, value_serializer="raw")
    seen = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @app.agent(source)  # type: ignore[untyped-decorator] # Faust ships no types mypy can follow
    async def write_down(stream: faust.StreamT[bytes]) -> None:
        async for value in stream:
            os.write(seen, value + b"\n")

    return faust.Worker(app, loglevel="WARN")


if __name__ == "__main__":
    worker(*sys.argv[1:]).execute_from_commandline()
