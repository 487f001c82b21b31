"""Checks the signature with which a platform signs each request, by a secret that it shares with the gateway."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from facts.errors import SettingError
from producers.declaration import Signing
from producers.gateway.senders import parse_pairs
from producers.gateway.sent import FORM, Sent, form_fields

_BODY_DIGEST = "bodySHA256"


class SigningKey(NamedTuple):
    """How the requests of one webhook are signed, and by which secrets. Its printed form contains no secret.

    Attributes:
        signing: the scheme.
        secrets: the secrets, any of which may sign; two while one replaces the other.
        public_url: the gateway's address as the platform has it, without a slash at its end.
    """

    signing: Signing
    secrets: tuple[bytes, ...]
    public_url: str

    def __repr__(self) -> str:
        """The scheme and the number of secrets."""
        return f"SigningKey({self.signing.scheme}, {len(self.secrets)} secrets)"

    @property
    def header(self) -> str:
        """The name of the header that holds the signature."""
        return "X-Twilio-Signature" if self.signing.scheme == "twilio" else self.signing.header


def signing_keys(
    text: str, where: str, served: Mapping[str, Signing | None], public_url: str, url_where: str
) -> dict[str, SigningKey]:
    """Read the secrets of webhooks from a setting: `mapping:secret` pairs, separated by spaces.

    Args:
        text: the setting; empty if no webhook is signed.
        where: the name of its variable, for errors.
        served: the mapping of each webhook that is served, with how it is signed.
        public_url: the gateway's address as platforms have it; empty if it is not known.
        url_where: the name of that setting's variable.

    Raises:
        SettingError: a setting is invalid or missing. The error never contains a secret.
    """
    pairs = parse_pairs(text, where) if text.strip() else []
    keys: dict[str, SigningKey] = {}
    for name in dict.fromkeys(name for name, _ in pairs):
        signing = served.get(name)
        if signing is None:
            what = f"{name} is not a webhook that signs its requests."
            signed = ", ".join(each for each, own in served.items() if own) or "none"
            hint = f"Give `mapping:secret`. Webhooks served here whose mapping has `signing`: {signed}."
            raise SettingError(what, where=where, hint=hint)
        if signing.scheme == "twilio" and not public_url.startswith(("https://", "http://")):
            hint = "Give the address that the platform calls, without the path: https://feeds.example.police.uk."
            raise SettingError("Twilio's signature covers the gateway's address.", where=url_where, hint=hint)
        secrets = tuple(secret.encode() for each, secret in pairs if each == name)
        keys[name] = SigningKey(signing, secrets, public_url.rstrip("/"))
    return keys


def is_signed(sent: Sent, key: SigningKey) -> bool:
    """Whether a request has the signature of one of the secrets."""
    given = sent.headers.get(key.header.lower(), "").removeprefix(key.signing.prefix)
    signed = _signed_by_twilio(sent, key.public_url) if key.signing.scheme == "twilio" else sent.body
    if not given or signed is None:
        return False
    # Every secret is tried, so that the time taken reveals nothing about them.
    matches = [hmac.compare_digest(_signature(signed, key.signing, each), given.encode()) for each in key.secrets]
    return any(matches)


def _signature(signed: bytes, signing: Signing, secret: bytes) -> bytes:
    digest = hmac.new(secret, signed, "sha1" if signing.scheme == "twilio" else signing.algorithm)
    is_hex = signing.scheme == "hmac" and signing.encoding == "hex"
    return digest.hexdigest().encode() if is_hex else base64.b64encode(digest.digest())


def _signed_by_twilio(sent: Sent, public_url: str) -> bytes | None:
    """What Twilio signs: the address, then each field of a form; None if the body is not covered.

    The address of a request with another body has the body's digest in its query.
    """
    url = public_url + sent.target
    if sent.media_type == FORM:
        return (url + _joined(sent.body)).encode()
    digests: Sequence[str] = parse_qs(urlsplit(url).query).get(_BODY_DIGEST, [])
    is_covered = digests[:1] == [hashlib.sha256(sent.body).hexdigest()]
    return url.encode() if is_covered else None


def _joined(body: bytes) -> str:
    """The fields of a form in order of name, each value once, as Twilio joins them."""
    try:
        return "".join(name + value for name, value in sorted(set(form_fields(body))))
    except ValueError:
        return ""
