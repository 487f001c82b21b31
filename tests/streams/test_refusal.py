"""Every refusal of the state server is explained by its true cause, whether the embedded server, Redis or a socket reports it."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from bluelamp.embedded.state import StateServer
from bluelamp.wiring.ports import free_ports
from facts.errors import IncompleteError, PartMissingError
from streams.refusal import CAUSES, WORDS, Cause, Refusal, explained, refusal_of
from streams.repeated_errors import RepeatedErrors
from tests.real.parts import missing
from tests.streams.test_apply import SHORTAGES, configured
from tests.support.stores import as_user


def refused(url: str, act: Callable[[Redis], object] = lambda redis: redis.set("a", "b")) -> Refusal:
    """Why something is refused."""
    with Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=1, socket_connect_timeout=1) as client:
        with pytest.raises((RedisError, OSError)) as caught:
            act(client)
        return refusal_of(caught.value)


@pytest.fixture
def redis(state_backend: StateServer) -> Iterator[Redis]:
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        yield client


def in_pipeline(client: Redis) -> object:
    """A write in a pipeline."""
    pipe = client.pipeline(transaction=True)
    pipe.get("a")
    pipe.set("a", "b")
    return pipe.execute()


def in_script(client: Redis) -> object:
    """A write in a script."""
    return client.eval("return redis.call('SET', KEYS[1], 'b')", 1, "a")


@pytest.mark.parametrize("act", [lambda client: client.set("a", "b"), in_pipeline, in_script])
def test_causes_of_refused_writes(redis: Redis, state_backend: StateServer, act: Callable[[Redis], object]) -> None:
    for cause, shortage in SHORTAGES.items():
        with shortage(redis, state_backend):
            found = refused(state_backend.url, act).cause
        # A replica refuses a single write before it checks anything else.
        assert found == cause or (found, cause) == ("read_only", "no_primary")
    redis.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-set"])
    try:
        assert refused(as_user(state_backend.url, "worker"), act).cause == "access_denied"
    finally:
        redis.acl_deluser("worker")


def test_denied_access(redis: Redis, state_backend: StateServer) -> None:
    assert refused(as_user(state_backend.url, "nobody")).cause == "access_denied"
    redis.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    redis.acl_setuser("default", enabled=False)
    try:
        assert refused(state_backend.url).cause == "access_denied"
    finally:
        with Redis.from_url(as_user(state_backend.url, "worker")) as client:
            client.acl_setuser("default", enabled=True)
        redis.acl_deluser("worker")


def test_a_server_with_too_many_clients(redis: Redis, state_backend: StateServer) -> None:
    with configured(redis, maxclients=1):
        found = refused(state_backend.url)
    assert found.cause == "too_many_clients"


def test_a_server_busy_with_a_long_script(redis: Redis, state_backend: StateServer) -> None:
    def run_long() -> None:
        with pytest.raises(ResponseError), Redis.from_url(state_backend.url) as client:
            client.eval("while true do end", 0)

    with configured(redis, busy_reply_threshold=20):
        running = threading.Thread(target=run_long)
        running.start()
        found = Refusal("other")
        with Redis.from_url(state_backend.url) as other:
            while found.cause != "busy":
                try:
                    other.ping()
                except ResponseError as error:
                    found = refusal_of(error)
            # Only these two commands are answered meanwhile; a new connection would not get that far.
            other.script_kill()
        running.join()


def test_a_key_of_another_program(redis: Redis, state_backend: StateServer) -> None:
    redis.set("a", "b")
    found = refused(state_backend.url, lambda client: client.hgetall("a"))
    assert not found.heals()
    assert "bluelamp rebuild" in found.advice()


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that sends this reply to everything; it closes at once for b"", and never replies for None."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def answer_one() -> None:
            try:
                connection = stack.enter_context(server.accept()[0])
            except OSError:
                return
            if answer is not None:
                connection.recv(1000)
                connection.sendall(answer)
                connection.close()

        threading.Thread(target=answer_one, daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_a_missing_connection_says_why() -> None:
    nobody = free_ports(1)[0]
    assert refused(f"redis://127.0.0.1:{nobody}").sentence().endswith("(nothing listens at its address).")
    assert "host name" in refused("redis://no-such-host.invalid:6379").detail
    with answering(None) as url:
        assert refused(url).detail == "no answer in time"
    with answering(b"") as url:
        assert "closed the connection" in refused(url).detail
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert "not Redis" in refused(url).detail
    with answering(None) as url:
        assert refused(url.replace("redis://", "rediss://")).detail == "no answer in time"


@pytest.mark.real
def test_tls_on_one_side_only_or_not_trusted(tmp_path: Path) -> None:
    if missing("redis"):
        pytest.skip(str(missing("redis")))
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    port = free_ports(1)[0]
    options = ["--port", "0", "--tls-port", str(port), "--save", "", "--tls-auth-clients", "no", "--dir", str(tmp_path)]
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)]
    with subprocess.Popen(["redis-server", *options, *files], stdout=subprocess.PIPE) as server:
        assert server.stdout
        while b"Ready to accept" not in server.stdout.readline():
            pass
        plain, encrypted = (refused(f"{scheme}://127.0.0.1:{port}/0") for scheme in ("redis", "rediss"))
        server.terminate()
    assert "expects TLS" in plain.detail
    assert "not trusted" in encrypted.detail


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "disk"),
        ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", "disk"),
        ("LOADING Redis is loading the dataset in memory", "loading"),
        ("MOVED 3999 127.0.0.1:6381", "cluster"),
        ("CLUSTERDOWN The cluster is down", "cluster"),
        ("CROSSSLOT Keys in request don't hash to the same slot", "cluster"),
        (
            "Command # 2 (SET OOM MISCONF) of pipeline caused error: NOREPLICAS Not enough good replicas.",
            "too_few_replicas",
        ),
        ("ERR max number of clients reached", "too_many_clients"),
        ("ERR unknown command 'FROB'", "other"),
        ("OOMPH is not a code of Redis", "other"),
    ],
)
def test_codes_that_no_test_server_sends(text: str, cause: Cause) -> None:
    assert refusal_of(ResponseError(text)).cause == cause


def test_an_error_says_what_happened_where_and_what_to_do() -> None:
    error = explained(NoConnectionError("Connection closed by server."))
    assert str(error).splitlines()[0] == "The state server does not answer (it closed the connection)."
    assert error.where == "BLUELAMP_REDIS"
    memory = Refusal("out_of_memory").with_memory({"used_memory_human": "1.20G", "maxmemory_human": "1.00G"})
    assert "used memory 1.20G, maxmemory 1.00G" in memory.sentence()
    incomplete = IncompleteError("It was folded from another log.", where="there", hint="Point at the log.")
    assert refusal_of(incomplete) == Refusal("needs_person", incomplete.what, incomplete.hint)
    assert refusal_of(PartMissingError("Kafka does not answer.", where="there", hint="Start it.")).cause == "other"
    assert refusal_of(ssl.SSLError(1, "bad")).cause == "unreachable"
    assert set(WORDS) == set(CAUSES)


def test_a_cause_is_logged_once_then_at_intervals_and_so_is_its_end() -> None:
    seconds, logged = iter(range(1000)), list[str]()
    errors = RepeatedErrors(logged.append, lambda: next(seconds), every_seconds=30)
    errors.end()
    for _ in range(61):
        errors.add_error(ResponseError("MISCONF Errors writing to the AOF file"))
    assert len(logged) == 3
    assert {each.partition(" (29 more")[0] for each in logged} == {Refusal("disk").words()}
    for _ in range(5):  # two alternating causes are not logged more often than one
        errors.add_error(ResponseError("LOADING"))
        errors.add_error(ResponseError("MISCONF"))
    assert logged[3:] == [Refusal("loading").words()]
    errors.add_error(PartMissingError("Kafka does not answer.", where="there", hint="Start it."))
    errors.end()
    errors.end()
    assert logged[4:] == ["Kafka does not answer. Start it.", "Over: Kafka does not answer. Start it."]
