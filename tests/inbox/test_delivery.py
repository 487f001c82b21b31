"""Deliveries to a real webhook and mail server: the same key at every attempt, and no secret in any error."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_string
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from alerts.inbox.delivery.notification import Message, body, change, subject, undelivered
from alerts.inbox.delivery.receiver import EVENTS, Email, Event, Receiver, load_receivers
from alerts.inbox.delivery.send import DeliveryError, ForceNames, send
from alerts.inbox.figure import AlertFigure, figure
from alerts.inbox.log.entry import AnyEntry, Assigned, Escalated, Rose
from alerts.inbox.log.intake import by_name, ended, raised
from alerts.inbox.log.situation import situation_of
from alerts.inbox.log.state import InboxState, fold_alert
from alerts.rule import Severity
from alerts.table import RULES
from facts.errors import SettingError
from producers.secret import Secret
from tests.support.inbox import RULE, START

NAMES = ForceNames("Staffordshire Police", ZoneInfo("Europe/London"), "http://127.0.0.1:8018/alerts")
ENTRY = raised(RULE, {"force": "staffordshire"}, START, START)
ALERT = fold_alert([ENTRY])


def message(receiver: Receiver) -> Message:
    """The message that the alert has begun."""
    assert ALERT
    return Message(alert=ALERT, entry=ENTRY, receiver=receiver, attempt=1, event="raised")


@contextmanager
def listening(server: socketserver.BaseServer) -> Iterator[int]:
    """Run a server; yields its port."""
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
    """A webhook that answers with a status; yields its address and what it received."""
    received: list[tuple[dict[str, str], dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Record the request, and answer."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/hook?key=a-secret-in-an-address", received


@contextmanager
def mail_server(answer: str = "250 accepted") -> Iterator[tuple[int, list[Mail]]]:
    """A mail server that answers an e-mail with `answer`; yields its port and the e-mails it received."""
    emails: list[Mail] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Speak enough SMTP for a sender."""
            self._say("220 here")
            for line in iter(self.rfile.readline, b""):
                word = line[:4].upper().strip()
                if word == b"DATA":
                    self._say("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    emails.append(message_from_string(text.decode()))
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
        yield port, emails


def test_a_webhook_receives_json_with_the_same_key_at_every_attempt() -> None:
    with webhook(204) as (address, received):
        receiver = Receiver(name="pager", webhook=Secret(address))
        for _ in range(2):
            send(message(receiver), NAMES)
    (headers, body), (again, _) = received
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == body["key"] == f"{ENTRY.id}:pager"
    assert body["title"] == f"CRITICAL: {RULE.title} (Staffordshire Police)"
    assert body["text"] == (
        f"{RULE.title}.\nForce: Staffordshire Police\nStarted: 03 December 2024 10:00:00 GMT\n"
        f"Responsible: duty inspector\nWhat to do: {RULE.what_to_do}\nView and acknowledge: {NAMES.link}\n"
    )


def test_an_email_says_what_to_do_and_keeps_its_message_id() -> None:
    with mail_server() as (port, emails):
        email = Email(
            host="127.0.0.1",
            port=port,
            security="none",
            sender="lamp@force.invalid",
            to=("a@force.invalid", "b@force.invalid"),
        )
        for _ in range(2):
            send(message(Receiver(name="mail", email=email)), NAMES)
    one, other = emails
    assert one["Message-ID"] == other["Message-ID"] != one["References"]
    assert one["To"] == "a@force.invalid, b@force.invalid"
    assert " ".join(one["Subject"].split()) == f"CRITICAL: {RULE.title} (Staffordshire Police)"
    text = one.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert RULE.what_to_do in text.decode()


@pytest.mark.parametrize(
    ("rule", "scope", "force", "where", "about"),
    [
        ("log_unreachable", {}, "", "Blue Lamp", "About: Blue Lamp itself"),
        ("quarantine_high", {"topic": "custody"}, "", "Blue Lamp, custody", "About: Blue Lamp itself"),
        ("feed_silent", {"force": "north", "feed": "custody"}, "North", "North, custody", "Force: North"),
    ],
)
def test_the_subject_and_the_text_say_what_the_alert_is_about(
    rule: str, scope: dict[str, str], force: str, where: str, about: str
) -> None:
    entry = raised(by_name(RULES)[rule], scope, START, START)
    alert = fold_alert([entry])
    assert alert
    one = Message(alert=alert, entry=entry, receiver=Receiver(name="mail"), attempt=1, event="raised")
    assert subject(one, force).endswith(f" ({where})")
    assert body(one, force, NAMES.zone, "").splitlines()[1] == about
    assert "Runbook" not in body(one, force, NAMES.zone, "")
    assert "Runbook: https://board/runbooks#x\n" in body(one, force, NAMES.zone, "", None, "https://board/runbooks#x")


def test_an_ended_alert_is_not_to_be_acknowledged() -> None:
    assert ALERT
    end = ended(ALERT, START + timedelta(minutes=9), START + timedelta(minutes=9))
    alert = fold_alert([ENTRY, end])
    assert alert
    one = Message(alert=alert, entry=end, receiver=Receiver(name="mail"), attempt=1, event="ended")
    assert body(one, NAMES.title, NAMES.zone, NAMES.link).splitlines()[1:] == [
        "Force: Staffordshire Police",
        "Started: 03 December 2024 10:00:00 GMT",
        "Ended: 03 December 2024 10:09:00 GMT",
        f"View: {NAMES.link}",
    ]


def test_delivery_errors_contain_no_address_and_no_secret() -> None:
    with webhook(500) as (address, _):
        refusing = Receiver(name="pager", webhook=Secret(address))
        with pytest.raises(DeliveryError, match=r"^the webhook answered 500$"):
            send(message(refusing), NAMES)
    with pytest.raises(DeliveryError, match=r"^the webhook cannot be reached \(ConnectionError\)$"):
        send(message(refusing), NAMES)
    with mail_server("552 no room") as (port, _):
        email = Email(
            host="127.0.0.1", port=port, security="none", sender="lamp@force.invalid", to=("a@force.invalid",)
        )
        with pytest.raises(DeliveryError, match=r"^the mail server answered 552$"):
            send(message(Receiver(name="mail", email=email)), NAMES)
    with pytest.raises(DeliveryError, match=r"^the mail server cannot be reached or used \(ConnectionRefusedError\)$"):
        send(message(Receiver(name="mail", email=email)), NAMES)
    unencrypted = replace(email, security="starttls")
    with mail_server() as (port, _), pytest.raises(DeliveryError, match="SMTPNotSupportedError"):
        send(message(Receiver(name="mail", email=replace(unencrypted, port=port))), NAMES)


FIGURE = AlertFigure(value=5, words="5", unit="count", limit_words="above 0")


def message_about(*entries: AnyEntry, event: Event) -> Message:
    """The message about the last entry."""
    alert = fold_alert([ENTRY, *entries])
    assert alert
    return Message(alert=alert, entry=entries[-1], receiver=Receiver(name="mail"), attempt=1, event=event)


def test_a_notification_of_a_rise_says_the_figure_and_what_changed() -> None:
    at = START + timedelta(minutes=9)
    one = message_about(Rose(id="r", alert=ENTRY.alert, at=at, before=3, figure=5, notify_at=at), event="rose")
    assert subject(one, "North").startswith("CRITICAL, was 3, now 5: Eight or more Grade 1")
    assert body(one, "North", NAMES.zone, NAMES.link, FIGURE).splitlines()[1:5] == [
        "What changed: was 3, now 5 (rose at 03 December 2024 10:09:00 GMT)",
        "Figure: 5 (threshold: above 0)",
        "Force: North",
        "Started: 03 December 2024 10:00:00 GMT",
    ]
    fallen = replace(FIGURE, value=0, words="0")
    assert subject(one, "North", fallen).startswith("CRITICAL, was 3, rose to 5, now 0: ")
    assert change(one, fallen) == "was 3, rose to 5, now 0", "a rise that waited must not be called the present"
    with webhook(200) as (address, received):
        send(replace(one, receiver=Receiver(name="pager", webhook=Secret(address))), NAMES, FIGURE)
    sent = received[0][1]
    assert (sent["event"], sent["changed"], sent["before"], sent["after"]) == ("rose", "was 3, now 5", 3, 5)
    assert (sent["figure"]["words"], sent["link"], sent["scope"]) == ("5", NAMES.link, {"force": "staffordshire"})


def test_who_is_assigned_is_notified_and_escalation_by_hand_is_to_a_post() -> None:
    assigned = Assigned(id="a", alert=ENTRY.alert, at=START, by="inspector", to="sergeant")
    one = message_about(assigned, event="assigned")
    assert subject(one, "North").startswith("CRITICAL, assigned to sergeant: ")
    assert "Why you are notified: inspector assigned it to sergeant." in body(one, "North", NAMES.zone, "")
    by_hand = Escalated(id="e", alert=ENTRY.alert, at=START, by="inspector", notify=RULE.who, why="No unit is free.")
    state = InboxState()
    state.add([ENTRY, assigned, by_hand])
    receivers = [
        Receiver(name=name, who=(post,), events=EVENTS)
        for name, post in (("sergeant", "sergeant"), ("inspector", RULE.who), ("chief", "chief"))
    ]
    (alert,) = state.alerts.values()
    notified = [(each.receiver.name, each.event) for each in undelivered(alert, state, receivers, START)]
    assert sorted(notified) == [("inspector", "escalated"), ("inspector", "raised"), ("sergeant", "assigned")]


STEP, HIGHER = "grade_1_unresourced", "grade_1_unresourced_several"
BOTH, CRITICAL = ("critical", "warning"), ("critical",)


@pytest.mark.parametrize(
    ("severities", "spans", "notified"),
    [
        # The minutes in which each step is active; what somebody with these severities is notified of.
        (BOTH, {STEP: (0, 30)}, [(STEP, "raised"), (STEP, "ended")]),
        (BOTH, {STEP: (0, 30), HIGHER: (5, 30)}, [(STEP, "raised"), (HIGHER, "raised"), (HIGHER, "ended"), (STEP, "ended")]),
        (BOTH, {STEP: (0, 30), HIGHER: (0, 30)}, [(HIGHER, "raised"), (HIGHER, "ended")]),
        (BOTH, {STEP: (0, 20), HIGHER: (0, 30)}, [(HIGHER, "raised"), (HIGHER, "ended")]),
        (BOTH, {STEP: (0, 20), HIGHER: (5, 30)}, [(STEP, "raised"), (HIGHER, "raised"), (HIGHER, "ended")]),
        (BOTH, {STEP: (0, 40), HIGHER: (0, 30)}, [(HIGHER, "raised"), (HIGHER, "ended, still active"), (STEP, "raised"), (STEP, "ended")]),
        (CRITICAL, {STEP: (0, 30), HIGHER: (0, 20)}, [(HIGHER, "raised"), (HIGHER, "ended, still active")]),
        (("warning",), {STEP: (0, 20), HIGHER: (0, 30)}, [(STEP, "raised"), (STEP, "ended, still active")]),
        # The next step of a detainee's clock replaces the one before, which has not ended well.
        (
            BOTH,
            {"child_review_due_within_10_minutes": (0, 10), "child_review_overdue": (9, 30)},
            [("child_review_due_within_10_minutes", "raised"), ("child_review_overdue", "raised"), ("child_review_overdue", "ended")],
        ),
    ],
)  # fmt: skip
def test_one_situation_is_notified_once_and_ends_once(
    severities: tuple[Severity, ...], spans: dict[str, tuple[int, int]], notified: list[tuple[str, str]]
) -> None:
    """Each minute, whatever is due is delivered at once."""
    state, receiver = InboxState(), Receiver(name="mail", severities=severities, events=("raised", "ended"))
    found = []
    for minute in range(60):
        now = START + timedelta(minutes=minute)
        for rule, (first, last) in spans.items():
            began = START + timedelta(minutes=first)
            entry = raised(by_name(RULES)[rule], {"force": "north"}, began, began)
            if minute == first:
                state.add([entry])
            if minute == last:
                state.add([ended(state.alerts[entry.alert], now, now)])
        for alert in sorted(state.alerts.values(), key=lambda each: each.raised.severity):
            for each in undelivered(alert, state, [receiver], now):
                event = "ended, still active" if "is still active" in subject(each, "North") else each.event
                found.append((each.alert.raised.rule, event))
                state.add([each.delivered(now)])
    assert found == notified


SITUATIONS: list[tuple[str, dict[str, str], int]] = [
    # A rule, its scope, and which situation it is about.
    ("grade_1_unresourced", {"force": "f"}, 0),
    ("grade_1_unresourced_several", {"force": "f"}, 0),
    ("grade_1_unresourced_several", {"force": "other"}, 1),
    ("child_review_overdue", {"detainee": "d1"}, 2),
    ("child_review_due_within_30_minutes", {"detainee": "d1"}, 2),
    ("child_review_due_within_30_minutes", {"detainee": "d2"}, 3),
    ("child_detention_overdue", {"detainee": "d1"}, 4),
    ("feed_silent", {"feed": "custody"}, 5),
    ("feed_late", {"feed": "custody"}, 6),
]


def test_rules_that_include_each_other_are_about_one_situation_in_a_scope() -> None:
    found = [situation_of(raised(by_name(RULES)[rule], scope, START, START)) for rule, scope, _ in SITUATIONS]
    assert [list(dict.fromkeys(found)).index(each) for each in found] == [place for *_, place in SITUATIONS]


def test_alerts_reach_the_receivers_of_their_force_and_alerts_of_no_force_reach_all() -> None:
    receivers = [
        Receiver(name=each or "all", forces=(each,) if each else (), events=EVENTS) for each in ("north", "south", "")
    ]

    def notified(rule: str, scope: dict[str, str]) -> set[str]:
        state = InboxState()
        state.add([raised(by_name(RULES)[rule], scope, START, START)])
        return {each.receiver.name for each in undelivered(state.active_alerts()[0], state, receivers, START)}

    assert notified(RULE.name, {"force": "north"}) == {"north", "all"}
    assert notified("log_unreachable", {}) == {"north", "south", "all"}


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


def test_the_receivers_file_reveals_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "receivers.toml"
    path.write_text(FILE)
    receivers = load_receivers(str(path), "BLUELAMP_RECEIVERS", ["north"])
    assert receivers.receivers[0].webhook
    assert receivers.receivers[0].webhook.reveal().endswith("a-secret")
    assert "a-secret" not in repr(receivers)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("webhook =", "weebhook =", "unknown field `weebhook`"),
        ('name = "mail"', 'name = "pager"', "Two receivers are named pager"),
        ('name = "mail"', 'name = "mail"\nwebhook = "https://a-secret"', "needs exactly one address"),
        ("who =", 'forces = ["nroth"]\nwho =', "names the force 'nroth', which has no profile"),
        ('["critical"]', '["loud"]', "Invalid enum value 'loud'"),
        ("[watcher]", "[watcher", "not valid TOML"),
        ("[watcher]", "[watcher]\nurl = \udcff", "not valid TOML"),
    ],
)
def test_errors_in_the_receivers_file_contain_no_secret(tmp_path: Path, old: str, new: str, error: str) -> None:
    path = tmp_path / "receivers.toml"
    path.write_bytes(FILE.replace(old, new).encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingError, match=error) as caught:
        load_receivers(str(path), "BLUELAMP_RECEIVERS", ["north"])
    assert "a-secret" not in str(caught.value)


def test_a_forecast_is_called_one_and_has_no_live_figure() -> None:
    """Without a live figure another alert stays active; this one ends with its forecast."""
    (rule,) = [each for each in RULES if each.name == "contact_999_forecast_below_standard"]
    found = figure(rule, {"force": "north"}, {})
    assert (found.value, found.is_forecast, found.limit_words) == (None, True, "more than 80% sure")
    at = START + timedelta(minutes=9)
    one = message_about(Rose(id="r", alert=ENTRY.alert, at=at, before=3, figure=5, notify_at=at), event="rose")
    (line,) = [each for each in body(one, "North", NAMES.zone, NAMES.link, found).splitlines() if "Figure" in each]
    assert line.startswith("Figure: a forecast, which What if shows: the alert ends when")
    others = [each for each in RULES if each != rule]
    assert not any(figure(each, {"force": "north"}, {}).is_forecast for each in others)
