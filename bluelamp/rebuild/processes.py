"""Runs the parts of a rebuild: one after the other in this process, or at the same time in several."""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from multiprocessing.connection import wait
from typing import NoReturn, Protocol, TypeVar

from redis import Redis

from bluelamp.archive.full_log import recount_of
from bluelamp.archive.reading import open_archive
from bluelamp.rebuild.certify import Recounter
from bluelamp.rebuild.jobs import RebuildParts, ReportProgress
from bluelamp.rebuild.repartition import Mover, sending
from bluelamp.recount.recount import Recount
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import Settings, load_forces
from facts.errors import PartMissingError
from facts.union import Topic
from measures.rules import Rules
from streams.logreader import LogReader
from streams.record import Place
from streams.retrying import Retrying
from streams.state_address import async_client

_NICENESS = 10
"""Live facts come first."""
_LOOK_SECONDS = 0.5
_MOST_PROCESSES = 4
_LEAVING_SECONDS = 5.0

Job = TypeVar("Job")
Result = TypeVar("Result")
Work = Callable[[RebuildParts, Job], Awaitable[Result]]


class Runner(Protocol):
    """Runs jobs."""

    async def run(self, work: Work[Job, Result], jobs: Sequence[Job], watch: Callable[[], None]) -> list[Result]:
        """The results of all jobs, in the order of the jobs; `watch` is called from time to time meanwhile.

        Raises:
            BlueLampError: a job failed.
        """
        ...


class InTurn:
    """Runs one job after the other in this process.

    Args:
        parts: what jobs need.
    """

    def __init__(self, parts: RebuildParts) -> None:
        self._parts = parts

    async def run(self, work: Work[Job, Result], jobs: Sequence[Job], _watch: Callable[[], None]) -> list[Result]:
        """Run them; a job reports its progress itself."""
        return [await work(self._parts, job) for job in jobs]


class InProcesses:
    """Runs as many jobs at the same time as there are processes, each with connections of its own.

    Args:
        settings: name log, archive and state.
        count: the number of processes.
    """

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings, self._count = settings, count

    async def run(self, work: Work[Job, Result], jobs: Sequence[Job], watch: Callable[[], None]) -> list[Result]:
        """Run them; the first error ends all processes."""
        pool = ProcessPoolExecutor(self._count, multiprocessing.get_context("spawn"), _begin)
        try:
            running = [asyncio.wrap_future(pool.submit(_in_process, work, self._settings, job)) for job in jobs]
            await _all(running, watch)
            return [each.result() for each in running]
        except BrokenProcessPool as error:
            hint = "Find out what ended it, such as too little memory, or run the command with --processes 1. It continues where it was."
            raise PartMissingError(
                "A process of the rebuild has ended.", where="bluelamp rebuild", hint=hint
            ) from error
        finally:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)


async def _all(running: Sequence["asyncio.Future[Result]"], watch: Callable[[], None]) -> None:
    """Wait until all have ended or one has failed."""
    left = set(running)
    while left:
        done, left = await asyncio.wait(left, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
        watch()
        for each in done:
            each.result()


def _begin() -> None:
    """Prepare a process for jobs: live facts come before it, and only its parent ends it."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)  # so that the files of a recount are removed
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _leave(*_: object) -> NoReturn:
    sys.exit(1)


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended; otherwise it would wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_LEAVING_SECONDS)
        os._exit(1)


def _in_process(work: Work[Job, Result], settings: Settings, job: Job) -> Result:
    """Do a job in this process."""

    async def run() -> Result:
        async with opened(settings, load_forces(settings), wall, _nobody, _warn) as parts:
            return await work(parts, job)

    return asyncio.run(run())


def _nobody(_place: Place, _applied_offset: int, _after: int) -> None:
    """Report no progress: the parent reads it from the state server."""


def _warn(words: str) -> None:
    sys.stderr.write(f"{words}\n")


@asynccontextmanager
async def opened(
    settings: Settings,
    rules: Mapping[str, Rules],
    now: Callable[[], datetime],
    report: ReportProgress,
    say: Callable[[str], object],
) -> AsyncIterator[RebuildParts]:
    """What a process needs to do its part of a rebuild, connected.

    Args:
        settings: name log, archive and state.
        rules: the rules of every force.
        now: the wall clock.
        report: called with the progress of each partition.
        say: called with what the state server refuses meanwhile.
    """
    with _clients(settings) as (redis, log, mover):
        async with async_client(settings.state_server(), socket_timeout=30) as client:
            yield RebuildParts(
                state_name=settings.state_name,
                rules=rules,
                redis=redis,
                log=log,
                archive=open_archive(settings.archive),
                mover=mover,
                recounter=_recounter_of(settings, rules),
                client=client,
                now=now,
                report=report,
                retry=Retrying(client, say, time.monotonic),
            )


@contextmanager
def _clients(settings: Settings) -> Iterator[tuple[Redis, LogReader, Mover]]:
    with (
        state_client(settings, 30.0) as redis,
        LogReader(settings.log()) as log,
        LogReader(settings.log()) as second_log,
        sending(settings.log()) as send,
    ):
        yield redis, log, Mover(open_archive(settings.archive), second_log, send)


def _recounter_of(settings: Settings, rules: Mapping[str, Rules]) -> Recounter:
    def recounter(until: Mapping[Place, int], topics: Collection[Topic]) -> Recount:
        forces = [each.force for each in rules.values()]
        recount = recount_of(settings, forces, until, keeps_facts=True, topics=topics)
        if settings.first_start:
            recount.loaded.missing_before = {}  # the setting allows both to begin there
        return recount

    return recounter


def usual_processes() -> int:
    """One for each processor that this process may use, up to a limit: each process takes memory, and a container may have a share of many processors."""
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
