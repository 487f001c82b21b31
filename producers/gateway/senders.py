"""Who may tell facts: senders by name, each with a token of its own; only the tokens' digests are kept."""

import hashlib
import hmac
import re

from facts.errors import SettingError

TOKEN_LENGTH_MIN = 24
_PAIR = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,39}):(\S+)")
_HINT = (
    "Give `name:token` for each sender, separated by spaces; a token has at least "
    f'{TOKEN_LENGTH_MIN} characters: `python -c "import secrets; print(secrets.token_urlsafe(32))"` makes one.'
)


class Senders:
    """The senders and their tokens; nothing that is printed of it shows a token.

    A sender may be listed twice with two tokens: both hold while one replaces the other.

    Args:
        tokens: sender and token of each.
    """

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._digests = [(name, _digest(token)) for name, token in tokens]

    @property
    def names(self) -> tuple[str, ...]:
        """The senders, each once."""
        return tuple(dict.fromkeys(name for name, _ in self._digests))

    def authenticate(self, authorization: str | None) -> str | None:
        """The sender whose token an Authorization header bears; None when it is nobody's."""
        scheme, _, token = (authorization or "").partition(" ")
        given = _digest(token.strip())
        # Every digest is compared, so that the time taken tells nothing.
        found = [name for name, known in self._digests if hmac.compare_digest(given, known)]
        return found[0] if found and scheme.lower() == "bearer" else None


def parse_senders(text: str, where: str) -> Senders:
    """Senders as a setting tells them: `name:token`, separated by spaces.

    Args:
        text: the setting.
        where: its variable, for errors.

    Raises:
        SettingError: it has a fault, or names nobody; never with a token.
    """
    pairs = [_PAIR.fullmatch(each) for each in text.split()]
    if not pairs:
        raise SettingError("No sender has a token, so nobody could tell a fact.", where=where, hint=_HINT)
    tokens = [(pair[1], pair[2]) for pair in pairs if pair]
    if len(tokens) < len(pairs):
        raise SettingError(f"Sender {pairs.index(None) + 1} is not of the form name:token.", where=where, hint=_HINT)
    short = next((name for name, token in tokens if len(token) < TOKEN_LENGTH_MIN), None)
    if short:
        raise SettingError(f"The token of {short} is too short.", where=where, hint=_HINT)
    return Senders(tokens)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
