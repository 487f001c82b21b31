"""Ports to listen on: a free one, or the one that is set, with a sentence where it is taken."""

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


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on."""
    tried = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in tried]
    for each in tried:
        each.close()
    return ports
