"""TLS to Kafka and to the state server: the client's side, and what its errors mean."""

import ssl
from pathlib import Path

from facts.errors import SettingError


def tls_trouble(error: OSError, server: str, setting: str) -> tuple[str, str]:
    """What is wrong with a TLS connection that could not be made, in a sentence, and what to do.

    Args:
        error: the error of the handshake or of the first answer.
        server: the server's name, to begin a sentence with.
        setting: the setting of its address.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_trouble(error, server, setting)
    reason = getattr(error, "reason", "") or ""
    own = f"Set {setting}_CERTIFICATE and {setting}_KEY to a valid one that is signed by an authority which it trusts."
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return f"{server} asks for a client certificate that it trusts.", own
    if isinstance(error, ssl.SSLEOFError) and not reason:
        # The answer that says so is lost if the server closes the connection before the client has sent its first request.
        return f"{server} closed the encrypted connection. It may ask for a client certificate that it trusts.", own
    if reason and reason not in _NO_TLS:
        hint = "The server must allow TLS 1.2 or 1.3. Its own log says more."
        return f"{server} accepts no encrypted connection ({reason}).", hint
    return (
        "The address asks for encryption, and what answers there does not use it.",
        f"Set {setting} to the address of a server that uses TLS.",
    )


_NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's reasons when the server does not speak TLS."""


def _certificate_trouble(error: ssl.SSLCertVerificationError, server: str, setting: str) -> tuple[str, str]:
    """Why a server's certificate is refused; by OpenSSL's number of the error."""
    match error.verify_code:
        case 9:
            hint = "Correct the clock of this machine, or issue another certificate."
            return f"{server}'s certificate is not valid yet.", hint
        case 10:
            return f"{server}'s certificate has expired.", "Renew the server's certificate."
        case 62 | 64:
            hint = f"Set {setting} to a host name in the certificate, or issue a certificate with this one."
            return f"{server}'s certificate is for another host name.", hint
        case _:
            hint = f"Set {setting}_CA to the file of the authority that signed it. If it is set, it names another authority."
            return f"{server}'s certificate is not trusted: {error.verify_message}.", hint


def tls_context(setting: str, ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 or later that checks the server's certificate and host name.

    Args:
        setting: the setting whose `_CA`, `_CERTIFICATE` and `_KEY` name the files, for errors.
        ca: the file of trusted certificates; empty for those that the machine trusts.
        certificate: the file of the client's certificate; empty for none.
        key: the file of its key; empty if the certificate's file has it.

    Raises:
        SettingError: a file cannot be read, or is not what it should be.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _check_readable(f"{setting}_CA", ca)
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError:
            hint = "It must contain the certificate of the authority that signs the server's certificate, as PEM."
            raise SettingError("This file is not a certificate.", where=f"{setting}_CA={ca}", hint=hint) from None
    if certificate or key:
        _load_own(context, setting, certificate, key)
    return context


def _load_own(context: ssl.SSLContext, setting: str, certificate: str, key: str) -> None:
    if not certificate:
        hint = f"Set {setting}_CERTIFICATE to the file of the key's certificate."
        raise SettingError("There is a key without a certificate.", where=f"{setting}_KEY={key}", hint=hint)
    _check_readable(f"{setting}_CERTIFICATE", certificate)
    if key:
        _check_readable(f"{setting}_KEY", key)
    try:
        # OpenSSL would ask for a passphrase at the terminal, where nobody can answer.
        context.load_cert_chain(certificate, key or None, password=lambda: "")
    except ssl.SSLError:
        what = "The client's certificate and key do not belong together, are not PEM, or the key has a passphrase."
        hint = (
            f"Set {setting}_CERTIFICATE and {setting}_KEY to a certificate and its key, both PEM, without a passphrase."
        )
        raise SettingError(what, where=f"{setting}_CERTIFICATE={certificate}", hint=hint) from None


def _check_readable(variable: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as error:
        hint = "Set it to a file that this program may read."
        raise SettingError(
            f"The file cannot be read: {error.strerror}.", where=f"{variable}={path}", hint=hint
        ) from None
