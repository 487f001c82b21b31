"""Who is told by what: receivers from a file of their own, because it holds addresses and passwords."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from alerts.rule import Severity
from facts.errors import SettingError

Event = Literal["raised", "ended", "escalated", "reraised"]
EVENTS: tuple[Event, ...] = ("raised", "ended", "escalated", "reraised")
OURS_ALWAYS: tuple[Event, ...] = ("escalated", "reraised")
"""What Alertmanager knows nothing of: where it tells people of the rest, this is left to us."""


class Secret:
    """A text that is used and never shown.

    Args:
        text: the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "(not shown)"


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file; unknown keys are refused, so that a misspelt one is not silently idle."""


class Email(_Part, frozen=True, kw_only=True):
    """A mail server, and who gets mail through it.

    Attributes:
        host: of the server.
        port: of the server.
        security: how it is spoken to.
        sender: the address it is from.
        to: the addresses it goes to.
        user: to sign in; empty to do without.
        password_file: a file that holds the password, if there is a user.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""


class Receiver(_Part, frozen=True, kw_only=True):
    """Somebody who is told, by a webhook or by e-mail.

    Attributes:
        name: as the log has it.
        who: the posts it reaches, as rules and ladder name them; empty means all.
        severities: of the alerts that it is told of; the ladder tells it whatever the severity.
        events: what it is told; where Alertmanager tells people, what it does not know of unless said.
        webhook: the address that a JSON object is posted to.
        email: the mail server and the addresses.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    who: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ("critical", "warning")
    events: tuple[Event, ...] | None = None
    webhook: Secret | None = None
    email: Email | None = None

    def reaches(self, post: str) -> bool:
        """Whether a post is told through it."""
        return not self.who or post in self.who


class Watcher(_Part, frozen=True, kw_only=True):
    """A watcher outside of this system that raises the alarm when it is not told that data come.

    Attributes:
        url: that is asked for as long as they do.
        every_seconds: how often.
    """

    url: Secret
    every_seconds: Annotated[int, Meta(ge=5, le=3600)] = 60


class Receivers(_Part, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        link: where the alerts are looked at, told with each; empty to tell none.
        receivers: who is told.
        watcher: who is told that data come.
    """

    link: str = ""
    receivers: tuple[Receiver, ...] = ()
    watcher: Watcher | None = None


def load_receivers(path: str, where: str) -> Receivers:
    """The receivers in a file; none where no file is named.

    Args:
        path: of the file, in TOML.
        where: the setting that names it, for errors.

    Raises:
        SettingError: it cannot be read, or has a fault; never with what it holds.
    """
    if not path:
        return Receivers()
    place = f"{where}={path}"
    try:
        told = tomllib.loads(Path(path).read_text())
        found = msgspec.convert(told, Receivers, dec_hook=_secret)
    except OSError as error:
        raise SettingError(f"The file cannot be read: {error.strerror}.", where=place, hint=_HINT) from None
    except tomllib.TOMLDecodeError:
        raise SettingError("This is not TOML.", where=place, hint=_HINT) from None
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at ")
        raise SettingError(f"{what}.", where=f"{place}, {at or '$'}", hint=_HINT) from None
    _check(found, place)
    return found


_HINT = "docs/inbox.md shows such a file."


def _secret(kind: type, told: Any) -> Any:
    if kind is Secret and isinstance(told, str):
        return Secret(told)
    raise NotImplementedError


def _check(found: Receivers, place: str) -> None:
    names = [each.name for each in found.receivers]
    for each in found.receivers:
        if (each.webhook is None) == (each.email is None):
            hint = "Give it either `webhook` or `email`."
            raise SettingError(f"The receiver {each.name} has no one way to be told.", where=place, hint=hint)
        if names.count(each.name) > 1:
            raise SettingError(f"There are two receivers {each.name}.", where=place, hint="Name each once.")
