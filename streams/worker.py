"""The worker: one Faust agent per topic reads the log, and each batch is folded and applied to the state in one atomic step."""

import asyncio
import logging
import signal
import time
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn, TypeVar, cast

from aiokafka.errors import KafkaConnectionError
from faust.types import TP, EventT, StreamT
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from facts.batch import BatchRecord
from facts.errors import BlueLampError, IncompleteError
from facts.union import TOPICS, Topic
from measures.outcome import microseconds
from measures.rules import Rules
from producers import tracing
from producers.kafka import kafka_at
from producers.kafka_probe import no_answer
from streams.app import applied_offset_app
from streams.async_fetching import entry_in
from streams.compressor import Compressor
from streams.fold import Quarantined
from streams.keys import Names
from streams.log import QUARANTINE_TOPIC, LogClient
from streams.moving import Moved, OwnPartition, copy_of
from streams.ownership import GapError, Owner, StaleOwnerError
from streams.quarantine import send_all
from streams.record import Place, Record, record_of
from streams.refusal import Refusal, explained, refusal_of
from streams.repeated_errors import RepeatedErrors
from streams.retrying import Retrying, report
from streams.settings import PERSON_NEEDED, RESTART_ME, WorkerSettings
from streams.stall import StallWatch
from streams.state_address import async_client, blocking_client, check_address
from streams.store import Control, Identity, StateStore, check_reach
from streams.traced import LAST_TRACED_SECONDS, last_traced
from streams.version import FIRST, number_of, pointer, prefix_of

_STOP_SECONDS = 5.0
_CONNECT_SECONDS, _ANSWER_SECONDS, _REPORT_SECONDS = 2.0, 10.0, 1.0
_CLOCK_SECONDS, _COMPRESS_SECONDS = 1.0, 1.0
_logger = logging.getLogger("bluelamp.worker")
_Answer = TypeVar("_Answer")


Exit = Callable[[int], NoReturn]


class Worker:
    """Reads the log and updates the state until it is stopped.

    Args:
        settings: the settings of this worker.
        rules: the rules, by force.
        leave: ends the process at once with a status; never returns.
        now: the wall clock.
    """

    def __init__(
        self, settings: WorkerSettings, rules: Mapping[str, Rules], leave: Exit, now: Callable[[], datetime]
    ) -> None:
        self.settings, self.rules, self.leave, self.now = settings, rules, leave, now
        self.version = FIRST
        self._misplaced: set[Place] = set()
        self.app = applied_offset_app(settings, self.claim_partitions)
        for topic in TOPICS:
            self._add_agent(topic)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then stop at the end of a batch, or at once if it has not started yet."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        starting, stopped = asyncio.create_task(self._start_work()), asyncio.create_task(stopping.wait())
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            # If Kafka goes away while Faust starts, Faust waits for it for ever and cannot be stopped.
            self.leave(0)
        watch = await starting
        disproving, compressing = asyncio.create_task(self._disprove()), asyncio.create_task(self._compress())
        _logger.info("working: state %s, group %s", self.owner.store.prefix, self.app.conf.id)
        await self.app.wait(stopped)
        if self.app.crashed:
            self._give_up(RESTART_ME, f"Faust has crashed: {self.app.crash_reason!r}")
        watch.stop()
        disproving.cancel()
        compressing.cancel()
        # If Kafka does not answer, Faust waits for ever to commit offsets, which nothing depends on.
        asyncio.get_running_loop().call_later(_STOP_SECONDS, self.leave, 0)
        await self.app.stop()
        await self.redis.aclose()

    async def _start_work(self) -> StallWatch:
        """Check the log and the state, and start Faust and the watch that detects a stall."""
        self.redis = async_client(
            self.settings.redis,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._retry = Retrying(self.redis, _logger.warning, time.monotonic, self.settings.state_name)
        try:
            return await self._start_parts()
        except Exception as error:  # noqa: BLE001 - any error in starting leads to a restart, or needs a person
            self._end("Could not start", error)

    async def _start_parts(self) -> StallWatch:
        check_address(self.settings.redis, await self._soon(lambda: self.redis.info("cluster")))
        self.version = await self._soon(self._current_version)
        store = StateStore(self.redis, prefix_of(self.settings.state_name, self.version))
        most = self.settings.cached_facts
        self.owner = Owner(store, self.rules, self._quarantine, self._move, self._next_offset, self._retry, most)
        identities = await self._prepare()
        watch = StallWatch(self.settings, self.version, identities, self._moving, lambda: self.leave(RESTART_ME))
        watch.start()
        await self.app.start()
        return watch

    async def _soon(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Run work on the state server, retrying for a limited time.

        Raises:
            TimeoutError: it did not succeed in that time.
        """
        async with asyncio.timeout(self.settings.redis_start_seconds):
            return await self._retry(work)

    async def _current_version(self) -> int:
        """The number of the current state version."""
        return number_of(cast("str | None", await self.redis.get(pointer(self.settings.state_name))))

    async def _check_version(self) -> None:
        """Restart if another state version has become current."""
        if (current := await self._retry(self._current_version)) != self.version:
            what = f"The current state version is {current}, and this worker works on version {self.version}."
            self._give_up(RESTART_ME, what)

    async def _prepare(self) -> dict[str, Identity]:
        """Create topics and check the whole state, because Kafka can return an old assignment that hides what has changed."""
        identities = await asyncio.to_thread(self._prepare_log)
        await self._soon(lambda: self._prepare_state(identities))
        return identities

    async def _prepare_state(self, identities: Mapping[str, Identity]) -> None:
        for topic, identity in identities.items():
            for number in range(identity.partitions):
                await self.owner.check((topic, number), identity)
        for topic, identity in identities.items():
            await self.owner.store.announce(topic, identity.partitions)

    def _prepare_log(self) -> dict[str, Identity]:
        with LogClient(self.settings.kafka) as log:
            log.ensure_topics(self.settings.partitions)
        return self._identities(TOPICS)

    def _moving(self) -> list[Place]:
        """The partitions that should make progress: none while the state server refuses, which no restart would help."""
        return [] if self._retry.refusal else list(self.owner.owned)

    # Claiming partitions.

    async def claim_partitions(self, places: set[TP]) -> dict[TP, int]:
        """Claim partitions just assigned; returns the offset at which to start each."""
        try:
            async with asyncio.timeout(30):
                return await self._claim_partitions(places)
        except Exception as error:  # noqa: BLE001 - if Faust caught it, the worker would keep running and own nothing
            self._end(f"Could not claim {len(places)} partitions", error)

    async def _claim_partitions(self, places: set[TP]) -> dict[TP, int]:
        self.owner.owned.clear()
        await self._check_version()
        identities = await asyncio.to_thread(self._identities, {place.topic for place in places})
        controls = {place: await self._claim(place, identities[place.topic]) for place in places}
        # After the claims: until then an older owner may still move an applied offset beyond the end that is read here.
        reach = await asyncio.to_thread(self._reach, places)
        counts = {topic: identity.partitions for topic, identity in identities.items()}
        return {
            place: await self._start(place, control, reach[place], counts[place.topic])
            for place, control in controls.items()
        }

    async def _claim(self, place: TP, identity: Identity) -> Control:
        return await self._retry(lambda: self.owner.claim(place, identity))

    async def _start(self, place: TP, control: Control, reach: tuple[int, int], partitions: int) -> int:
        names, applied_offset = self.owner.store.names(*place), control.applied_offset
        first = self._first_applied_offset(names, reach[0]) if applied_offset is None else applied_offset
        check_reach(names, first, *reach)
        own_partition = OwnPartition(place.partition, partitions)
        return await self._retry(lambda: self.owner.start(place, control, first, own_partition))

    def _identities(self, topics: Iterable[str]) -> dict[str, Identity]:
        with LogClient(self.settings.kafka) as log:
            return {topic: log.identity(topic) for topic in topics}

    def _reach(self, places: set[TP]) -> dict[Place, tuple[int, int]]:
        with LogClient(self.settings.kafka) as log:
            return log.reach((place.topic, place.partition) for place in places)

    def _first_applied_offset(self, names: Names, first: int) -> int:
        if first > 0 and not self.settings.is_first_start:
            raise IncompleteError(
                f"There is no state yet, but the log begins at offset {first}: offsets 0 to {first - 1} are missing.",
                where=f"partition {names}",
                hint="If an archive holds them, build the state from it: BLUELAMP_ARCHIVE=... bluelamp rebuild --switch. If "
                "this new state does not need them, start once with BLUELAMP_FIRST_START=yes.",
            )
        return first

    # Folding batches.

    def _add_agent(self, topic: Topic) -> None:
        channel = self.app.topic(topic, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")

        async def agent(stream: StreamT[bytes]) -> None:
            wait, most = self.settings.batch_wait_seconds, self.settings.batch_records
            async for events in stream.noack_take(most, within=wait):
                await self._handle(events)
                for event in events:
                    await stream.ack(event)

        self.app.agent(channel, name=topic)(agent)

    async def _handle(self, events: Sequence[EventT[Any]]) -> None:
        """Fold and apply a batch; on any error the process exits before Faust can acknowledge it."""
        by_place: dict[TP, list[EventT[Any]]] = defaultdict(list)
        for event in events:
            if event.message.generation_id == self.app.consumer_generation_id:
                by_place[event.message.tp].append(event)
        for place, batch in by_place.items():
            await self._fold(place, batch)

    async def _fold(self, place: TP, batch: Sequence[EventT[Any]]) -> None:
        folding = self._guarded(self.owner.fold(place, [_record(event) for event in batch]))
        before = (
            [each for event in batch for each in tracing.headers_in(event.message.headers or ())]
            if tracing.is_on()
            else []
        )
        if not before:
            await folding
            return
        with tracing.span("fold", before, {"topic": place.topic, "partition": place.partition, "records": len(batch)}):
            await folding
            # No single fact causes an alert, so its trace continues the trace of the last batch of its topic.
            key = last_traced(self.settings.state_name, place.topic)
            with suppress(RedisError, OSError):  # if this is lost, only a trace is lost, and no figure changes
                await self.redis.set(key, tracing.carried(), ex=LAST_TRACED_SECONDS)

    async def _disprove(self) -> None:
        """Doubt feeds that claim a time in the future, for as long as the clock can still disprove the claim."""
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            await self._guarded(self.owner.disprove(microseconds(self.now())))

    async def _compress(self) -> None:
        """Compress what is at rest. If the state server refuses that, figures are right all the same, so the worker continues."""
        compressor, errors = Compressor(self.owner, time.monotonic), RepeatedErrors(_logger.warning, time.monotonic)
        while True:
            await asyncio.sleep(_COMPRESS_SECONDS)
            try:
                await compressor.step()
                errors.end()
            except (RedisError, OSError) as error:
                errors.add_error(error)

    async def _guarded(self, change: Awaitable[None]) -> None:
        """Change the state; exit if that fails."""
        try:
            await change
        except (StaleOwnerError, GapError) as error:
            self._give_up(
                RESTART_ME, f"{error}\nIf another state version has become current, the restarted worker works on that."
            )
        except Exception as error:  # noqa: BLE001 - if Faust caught it, it would acknowledge the batch
            self._end("Could not fold a batch", error)

    async def _next_offset(self, place: Place, offset: int) -> int | None:
        with await asyncio.to_thread(LogClient, self.settings.kafka) as log:
            return await asyncio.to_thread(log.next_offset, *place, offset)

    async def _quarantine(self, place: Place, quarantined: Sequence[Quarantined]) -> None:
        async def send(key: str, value: bytes) -> object:
            return await self.app.producer.send_and_wait(QUARANTINE_TOPIC, key.encode(), value, None, None, None)

        await send_all(send, *place, quarantined)

    async def _move(self, place: Place, moved: Sequence[Moved]) -> None:
        sent = []
        for copy in (copy_of(place, each) for each in moved):
            at = (copy.topic, copy.key, copy.value, copy.partition, None, copy.headers)
            sent.append(await self.app.producer.send(*at))
        await asyncio.gather(*sent)
        if moved and place not in self._misplaced:
            self._misplaced.add(place)
            _logger.warning("%s:%d holds facts of other partitions; moving them there (docs/feed/log.md)", *place)

    def _end(self, what: str, error: Exception) -> NoReturn:
        """Exit because of an error, with the status for a restart, or for a person if only a person can resolve it."""
        if isinstance(error, KafkaConnectionError):
            error = no_answer(kafka_at(self.settings.kafka))
        refusal = self._refusal(error)
        if refusal and not refusal.heals():
            with blocking_client(self.settings.redis, socket_timeout=_REPORT_SECONDS) as redis:
                report(redis, self.settings.state_name, refusal)
            self._give_up(PERSON_NEEDED, str(error) if isinstance(error, IncompleteError) else str(explained(refusal)))
        self._give_up(RESTART_ME, f"{what}: {explained(refusal) if refusal else _words(error)}")

    def _refusal(self, error: Exception) -> Refusal | None:
        """The state server's refusal, if that caused the error."""
        if isinstance(error, TimeoutError):
            return self._retry.refusal
        return refusal_of(error) if isinstance(error, IncompleteError | RedisError) else None

    def _give_up(self, status: int, why: str) -> NoReturn:
        ending = "restart it" if status == RESTART_ME else "a person must decide"
        _logger.critical("bluelamp worker stops (%s):\n%s", ending, why, extra={"exit_status": status})
        self.leave(status)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, BlueLampError) else "".join(traceback.format_exception(error))


def _record(event: EventT[Any]) -> Record:
    message = event.message
    milliseconds, headers = int(message.timestamp * 1000 + 0.5), tuple(message.headers or ())
    row = BatchRecord(message.offset, milliseconds, message.timestamp_type, message.key, message.value, headers)
    return record_of(entry_in(headers) or row)
