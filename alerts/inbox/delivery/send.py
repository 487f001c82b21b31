"""Sends one notification to one receiver, by webhook or e-mail; errors contain no address and no secret."""

import hashlib
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import requests
from msgspec import Struct

from alerts.inbox.delivery.notification import Message, body, change, subject
from alerts.inbox.delivery.receiver import Email
from alerts.inbox.figure import AlertFigure
from alerts.inbox.log.entry import Assigned, Escalated, Rose

TIMEOUT_SECONDS = 10.0


class ForceNames(Struct, frozen=True):
    """What a notification says about its force.

    Attributes:
        title: the force's name; empty for alerts that belong to no force.
        zone: its time zone.
        link: the address of the alerts page.
        runbook: where the runbook of its rule is; empty without one.
    """

    title: str
    zone: ZoneInfo
    link: str
    runbook: str = ""


class DeliveryError(Exception):
    """A receiver did not accept a notification; says why, without any address or secret."""


def send(message: Message, force: ForceNames, figure: AlertFigure | None = None) -> None:
    """Send a notification.

    Args:
        message: the notification.
        force: what it says about its force.
        figure: the alert's current figure; None if it has ended, or the figure cannot be read.

    Raises:
        DeliveryError: the receiver is not known to have accepted it.
    """
    title = subject(message, force.title, figure)
    text = body(message, force.title, force.zone, force.link, figure, force.runbook)
    if message.receiver.email:
        _mail(message.receiver.email, title, text, message)
    else:
        _post(message, title, text, force, figure)


def _post(message: Message, title: str, text: str, force: ForceNames, figure: AlertFigure | None) -> None:
    raised, entry = message.alert.raised, message.entry
    content = {
        "event": message.event,
        "alert": message.alert.id,
        "situation": message.situation,
        "still_active": message.still_active,
        "key": message.key,
        "title": title,
        "text": text,
        "severity": raised.severity,
        "rule": raised.rule,
        "scope": raised.scope,
        "since": raised.began.isoformat(),
        "who": entry.notify
        if isinstance(entry, Escalated)
        else entry.to
        if isinstance(entry, Assigned)
        else raised.who,
        "what_to_do": raised.what_to_do,
        "figure": msgspec.to_builtins(figure),
        "changed": change(message, figure),
        "before": entry.before if isinstance(entry, Rose) else None,
        "after": entry.figure if isinstance(entry, Rose) else None,
        "link": force.link,
        "runbook": force.runbook,
    }
    address = message.receiver.webhook
    headers = {"Idempotency-Key": message.key}
    try:
        response = requests.post(
            address.reveal() if address else "", json=content, headers=headers,
            timeout=TIMEOUT_SECONDS, allow_redirects=False,
        )  # fmt: skip
    except (requests.RequestException, ValueError) as error:
        # The error's text would contain the address, and an address may contain a secret.
        raise DeliveryError(f"the webhook cannot be reached ({type(error).__name__})") from None
    if not response.ok:
        raise DeliveryError(f"the webhook answered {response.status_code}")


def _mail(email: Email, title: str, text: str, about: Message) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title, email.sender, ", ".join(email.to)
    # The same at every attempt, so that a mail server can recognise a duplicate.
    message["Message-ID"] = _mail_id(about.key)
    # Mail programs list messages with the same reference together.
    message["References"] = _mail_id(about.situation)
    message.set_content(text)
    try:
        with _server(email) as server:
            if email.user:
                server.login(email.user, Path(email.password_file).read_text().strip())
            refused = server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"the mail server answered {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(f"the mail server cannot be reached or used ({type(error).__name__})") from None
    if refused:
        raise DeliveryError(f"the mail server refused {len(refused)} addresses")


def _mail_id(text: str) -> str:
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:32]}@bluelamp>"


def _server(email: Email) -> smtplib.SMTP:
    if email.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(email.host, email.port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(email.host, email.port, timeout=TIMEOUT_SECONDS)
    if email.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server
