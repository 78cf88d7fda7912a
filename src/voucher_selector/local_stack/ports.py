"""Which ports of this machine are free."""

from __future__ import annotations

import socket

from voucher_selector.local_stack.errors import StackError


def require_free(port: int, variable: str) -> None:
    """Raise StackError if something answers at ``port``; ``variable`` is what names another one."""
    if answers(port):
        raise StackError(f"Port {port} is in use; free it, or name another: {variable}={port + 1}")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether something listens at ``port`` of this machine.

    Every address of localhost is asked: on macOS another program may hold a port on IPv6 alone.
    """
    try:
        with socket.create_connection(("localhost", port), timeout=1):
            return True
    except OSError:
        return False
