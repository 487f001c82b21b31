"""Tells one receiver one thing: a JSON object to a webhook, or an e-mail; what fails is said without address or secret."""

import hashlib
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import requests
from msgspec import Struct

from alerts.inbox.notification import Message, body, subject
from alerts.inbox.receiver import Email

TIMEOUT_SECONDS = 10.0


class ForceNames(Struct, frozen=True):
    """How a force is spoken of.

    Attributes:
        title: as people read it; empty for what is no force's.
        zone: of its local times.
        link: where the alerts are looked at.
    """

    title: str
    zone: ZoneInfo
    link: str


class NotTakenError(Exception):
    """A receiver has not taken what it was told; says why, without address or secret."""


def tell(message: Message, words: ForceNames) -> None:
    """Tell it.

    Raises:
        NotTakenError: it is not known to have been taken.
    """
    title, text = subject(message, words.title), body(message, words.title, words.zone, words.link)
    if message.receiver.email:
        _mail(message.receiver.email, title, text, message.key)
    else:
        _post(message, title, text)


def _post(message: Message, title: str, text: str) -> None:
    told = message.alert.raised
    content = {
        "event": message.event,
        "alert": message.alert.id,
        "key": message.key,
        "title": title,
        "text": text,
        "severity": told.severity,
        "rule": told.rule,
        "scope": told.scope,
        "since": told.began.isoformat(),
        "who": getattr(message.of, "tell", told.who),
        "what_to_do": told.what_to_do,
    }
    address = message.receiver.webhook
    headers = {"Idempotency-Key": message.key}
    try:
        answer = requests.post(
            address.reveal() if address else "", json=content, headers=headers,
            timeout=TIMEOUT_SECONDS, allow_redirects=False,
        )  # fmt: skip
    except (requests.RequestException, ValueError) as error:
        # Its sentence would hold the address, and an address may hold a secret.
        raise NotTakenError(f"cannot be reached ({type(error).__name__})") from None
    if not answer.ok:
        raise NotTakenError(f"answered {answer.status_code}")


def _mail(email: Email, title: str, text: str, key: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title, email.sender, ", ".join(email.to)
    # The same at every attempt: a mail server that has it already can tell.
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@bluelamp>"
    message.set_content(text)
    try:
        with _server(email) as server:
            if email.user:
                server.login(email.user, Path(email.password_file).read_text().strip())
            refused = server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise NotTakenError(f"the mail server answered {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NotTakenError(f"the mail server cannot be used ({type(error).__name__})") from None
    if refused:
        raise NotTakenError(f"the mail server refused {len(refused)} of the addresses")


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
