"""What really leaves: a JSON object to a webhook and an e-mail, the same key each time, and no secret anywhere."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from alerts.inbox.delivery import ForceNames, NotTakenError, tell
from alerts.inbox.intake import raised
from alerts.inbox.notification import Message
from alerts.inbox.receiver import Email, Receiver, Secret, load_receivers
from alerts.inbox.state import fold_alert
from facts.errors import SettingError
from tests.support.inbox import RULE, START

WORDS = ForceNames("Staffordshire Police", ZoneInfo("Europe/London"), "http://127.0.0.1:8018/alerts")
ENTRY = raised(RULE, {"force": "staffordshire"}, START, START)
ALERT = fold_alert([ENTRY])


def message(receiver: Receiver) -> Message:
    """That the alert began."""
    assert ALERT
    return Message(alert=ALERT, of=ENTRY, receiver=receiver, attempt=1, event="raised")


@contextmanager
def listening(server: socketserver.BaseServer) -> Iterator[int]:
    """A server at work; its port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[misc, index]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[tuple[dict[str, str], dict[str, Any]]]]]:
    """A webhook that answers so, and what it was told."""
    told: list[tuple[dict[str, str], dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Note it, and answer."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/hook?key=a-secret-in-an-address", told


@contextmanager
def mail_server(answer: str = "250 taken") -> Iterator[tuple[int, list[Mail]]]:
    """A mail server that answers so to a letter, and what it was given."""
    letters: list[Mail] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Speak as much of SMTP as a sender needs."""
            self._say("220 here")
            for line in iter(self.rfile.readline, b""):
                word = line[:4].upper().strip()
                if word == b"DATA":
                    self._say("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    letters.append(message_from_string(text.decode()))
                    self._say(answer)
                elif word == b"QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 yes")

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    with listening(Server(("127.0.0.1", 0), Handler)) as port:
        yield port, letters


def test_a_webhook_is_told_in_json_under_a_key_that_stays() -> None:
    with webhook(204) as (address, told):
        receiver = Receiver(name="pager", webhook=Secret(address))
        for _ in range(2):
            tell(message(receiver), WORDS)
    (headers, body), (again, _) = told
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == body["key"] == f"{ENTRY.id}:pager"
    assert body["title"] == f"CRITICAL: {RULE.title} (Staffordshire Police)"
    assert body["text"] == (
        f"{RULE.title}.\nWhose: Staffordshire Police\nSince: 03 December 2024 10:00:00 GMT\n"
        f"For: duty inspector\nWhat to do: {RULE.what_to_do}\nLook, and take it: {WORDS.link}\n"
    )


def test_an_e_mail_says_what_to_do_and_is_the_same_letter_each_time() -> None:
    with mail_server() as (port, letters):
        email = Email(
            host="127.0.0.1",
            port=port,
            security="none",
            sender="lamp@force.invalid",
            to=("a@force.invalid", "b@force.invalid"),
        )
        for _ in range(2):
            tell(message(Receiver(name="mail", email=email)), WORDS)
    one, other = letters
    assert one["Message-ID"] == other["Message-ID"]
    assert one["To"] == "a@force.invalid, b@force.invalid"
    assert " ".join(one["Subject"].split()) == f"CRITICAL: {RULE.title} (Staffordshire Police)"
    text = one.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert RULE.what_to_do in text.decode()


def test_what_fails_is_said_without_address_or_secret() -> None:
    with webhook(500) as (address, _):
        refusing = Receiver(name="pager", webhook=Secret(address))
        with pytest.raises(NotTakenError, match=r"^answered 500$"):
            tell(message(refusing), WORDS)
    with pytest.raises(NotTakenError, match=r"^cannot be reached \(ConnectionError\)$"):
        tell(message(refusing), WORDS)
    with mail_server("552 no room") as (port, _):
        email = Email(
            host="127.0.0.1", port=port, security="none", sender="lamp@force.invalid", to=("a@force.invalid",)
        )
        with pytest.raises(NotTakenError, match=r"^the mail server answered 552$"):
            tell(message(Receiver(name="mail", email=email)), WORDS)
    with pytest.raises(NotTakenError, match=r"^the mail server cannot be used \(ConnectionRefusedError\)$"):
        tell(message(Receiver(name="mail", email=email)), WORDS)
    unencrypted = replace(email, security="starttls")
    with mail_server() as (port, _), pytest.raises(NotTakenError, match="SMTPNotSupportedError"):
        tell(message(Receiver(name="mail", email=replace(unencrypted, port=port))), WORDS)


FILE = """
link = "https://board.force.invalid/alerts"
[watcher]
url = "https://watcher.force.invalid/ping/a-secret"
[[receivers]]
name = "pager"
who = ["duty inspector"]
severities = ["critical"]
webhook = "https://pager.force.invalid/hook?key=a-secret"
[[receivers]]
name = "mail"
[receivers.email]
host = "mail.force.invalid"
sender = "lamp@force.invalid"
to = ["control@force.invalid"]
user = "lamp"
password_file = "/run/secrets/mail"
"""


def test_the_file_of_receivers_shows_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "receivers.toml"
    path.write_text(FILE)
    found = load_receivers(str(path), "BLUELAMP_RECEIVERS")
    assert found.receivers[0].webhook
    assert found.receivers[0].webhook.reveal().endswith("a-secret")
    assert "a-secret" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("webhook =", "weebhook =", "unknown field `weebhook`"),
        ('name = "mail"', 'name = "pager"', "two receivers pager"),
        ('name = "mail"', 'name = "mail"\nwebhook = "https://a-secret"', "no one way"),
        ('["critical"]', '["loud"]', "Invalid enum value 'loud'"),
        ("[watcher]", "[watcher", "This is not TOML"),
    ],
)
def test_a_fault_in_it_is_said_without_what_it_holds(tmp_path: Path, old: str, new: str, fault: str) -> None:
    path = tmp_path / "receivers.toml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(SettingError, match=fault) as caught:
        load_receivers(str(path), "BLUELAMP_RECEIVERS")
    assert "a-secret" not in str(caught.value)
