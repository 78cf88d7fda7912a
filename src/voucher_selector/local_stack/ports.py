"""Ports of this machine that are free or in use."""

import socket

from voucher_selector.errors import StackError


def require_free(port: int, variable: str) -> None:
    """Raise StackError if ``port`` is in use; ``variable`` is the name of the variable that sets it."""
    if is_in_use(port):
        raise StackError(f"Port {port} is in use. Free it, or set {variable}={port + 1}")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_in_use(port: int) -> bool:
    """Return whether a process listens on ``port``.

    All addresses of localhost are tried: on macOS a program may listen on IPv6 only.
    """
    try:
        with socket.create_connection(("localhost", port), timeout=1):
            return True
    except OSError:
        return False
