"""The receivers of notifications, read from a file of their own because it contains addresses and passwords."""

from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from alerts.rule import Severity
from facts.errors import SettingError
from facts.toml import TOMLDecodeError, read_toml
from producers.secret import Secret

Event = Literal["raised", "ended", "escalated", "reraised", "rose", "assigned"]
EVENTS: tuple[Event, ...] = get_args(Event)
INBOX_ONLY: tuple[Event, ...] = ("escalated", "reraised", "rose", "assigned")
"""The events that Alertmanager does not know: with Prometheus, the inbox sends only these."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file; unknown keys are refused, so that a misspelt key is not silently ignored."""


class Email(_Part, frozen=True, kw_only=True):
    """A mail server, and the addresses to send to.

    Attributes:
        host: the server's host name.
        port: the server's port.
        security: how the connection is encrypted.
        sender: the From address.
        to: the To addresses.
        user: the login; empty to send without one.
        password_file: the file with the password, if there is a login.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""


class Receiver(_Part, frozen=True, kw_only=True):
    """Somebody who is notified, by webhook or e-mail.

    Attributes:
        name: its name in the log.
        who: the posts it reaches, as rules and the ladder name them, and logins; empty for all.
        forces: the forces whose alerts it receives, besides alerts without a force; empty for all.
        severities: the severities of the alerts it is notified of; an escalation or assignment notifies it whatever the severity.
        events: the events it is notified of; by default all, or with Prometheus those that Alertmanager does not know.
        webhook: the address to post a JSON object to.
        email: the mail server and the addresses.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    who: tuple[str, ...] = ()
    forces: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ("critical", "warning")
    events: tuple[Event, ...] | None = None
    webhook: Secret | None = None
    email: Email | None = None

    def is_for_force(self, force: str) -> bool:
        """Whether it receives the alerts of a force. Every receiver receives alerts without a force, which are about Blue Lamp itself."""
        return not force or not self.forces or force in self.forces

    def reaches(self, post: str) -> bool:
        """Whether it reaches a post."""
        return not self.who or post in self.who


class Watcher(_Part, frozen=True, kw_only=True):
    """An external watcher, which raises the alarm when Blue Lamp stops pinging it.

    Attributes:
        url: the address to ping while data arrive.
        every_seconds: how often.
    """

    url: Secret
    every_seconds: Annotated[int, Meta(ge=5, le=3600)] = 60


class Receivers(_Part, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        link: the address of the alerts page, for every notification; empty to leave it out.
        receivers: who is notified.
        watcher: the external watcher.
    """

    link: str = ""
    receivers: tuple[Receiver, ...] = ()
    watcher: Watcher | None = None


def load_receivers(path: str, where: str, known: Container[str]) -> Receivers:
    """The receivers in a file; none if no file is named.

    Args:
        path: the file, in TOML.
        where: the setting that names it, for errors.
        known: the forces that have a profile.

    Raises:
        SettingError: the file cannot be read or has an error; the message never contains a secret.
    """
    if not path:
        return Receivers()
    place = f"{where}={path}"
    try:
        content = read_toml(Path(path).read_text())
        receivers = msgspec.convert(content, Receivers, dec_hook=_secret)
    except OSError as error:
        raise SettingError(f"The file cannot be read: {error.strerror}.", where=place, hint=_HINT) from None
    except (TOMLDecodeError, UnicodeDecodeError):
        raise SettingError("The file is not valid TOML.", where=place, hint=_HINT) from None
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at ")
        raise SettingError(f"{what}.", where=f"{place}, {at or '$'}", hint=_HINT) from None
    _check(receivers, place, known)
    return receivers


_HINT = "docs/run/inbox.md has an example."


def _secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError


def _check(receivers: Receivers, place: str, known: Container[str]) -> None:
    names = [each.name for each in receivers.receivers]
    for each in receivers.receivers:
        if (each.webhook is None) == (each.email is None):
            hint = "Give it either `webhook` or `email`."
            raise SettingError(f"The receiver {each.name} needs exactly one address.", where=place, hint=hint)
        for force in each.forces:
            if force not in known:
                what = f"The receiver {each.name} names the force {force!r}, which has no profile."
                raise SettingError(what, where=place, hint="Correct the name: nobody would be notified of its alerts.")
        if names.count(each.name) > 1:
            raise SettingError(f"Two receivers are named {each.name}.", where=place, hint="Give each its own name.")
