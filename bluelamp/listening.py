"""A port to listen on, or a sentence that says which setting to change."""

import socket

from facts.errors import PartMissingError


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Args:
        host: the address.
        port: the port.
        variable: the setting that gives the port, for the error.

    Raises:
        PartMissingError: the port is in use.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        hint = f"End what uses it, or set {variable} to a free one."
        raise PartMissingError(f"Port {port} cannot be used: {error.strerror}.", where=host, hint=hint) from None
