"""Ports to listen on: a free one or a given one, with a clear error if it is in use."""

import socket

from facts.errors import PartMissingError


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A listening socket.

    Args:
        host: the address.
        port: the port; 0 chooses a free one.
        variable: the setting of the port, for the error.

    Raises:
        PartMissingError: the port is in use.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        hint = f"Stop the program that uses it, or set {variable} to a free port."
        raise PartMissingError(f"Port {port} cannot be used: {error.strerror}.", where=host, hint=hint) from None


def free_ports(count: int) -> list[int]:
    """Loopback ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
