"""A way for containers to a port of this machine's loopback: a relay at the address of Docker's bridge."""

from __future__ import annotations

import fcntl
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from ipaddress import IPv4Interface, ip_address
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from voucher_selector.local_stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

BRIDGE = "docker0"
ADDRESS_OF, MASK_OF = 0x8915, 0x891B
"""Linux's SIOCGIFADDR and SIOCGIFNETMASK."""

PIECE = 64 * 1024


def bridge(name: str = BRIDGE) -> IPv4Interface | None:
    """Return the address and network of Docker's bridge, which containers call host.docker.internal.

    There is none with Docker Desktop, whose containers reach this machine's loopback by that name themselves.
    """
    try:
        address, mask = _asked(name, ADDRESS_OF), _asked(name, MASK_OF)
    except OSError:
        return None
    return IPv4Interface(f"{address}/{mask}")


@contextmanager
def relay(port: int, at: IPv4Interface) -> Iterator[None]:
    """Have the containers of a network reach a port of loopback while the block runs.

    Args:
        port: the port of loopback, and of ``at``.
        at: the address that containers call, and the network they call from.

    Raises:
        StackError: the port is in use there.
    """
    try:
        server = _Server(port, at)
    except OSError as error:
        raise StackError(f"Containers cannot be served at {at.ip}:{port}: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _asked(name: str, question: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking, question, struct.pack("256s", name.encode()))
    return socket.inet_ntoa(answer[20:24])


class _Server(ThreadingTCPServer):
    """Serves containers alone: a neighbour of this machine may have a route to the bridge as well."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, at: IPv4Interface) -> None:
        super().__init__((str(at.ip), port), _Passing)
        self.port, self.network = port, at.network

    def verify_request(self, _request: object, client_address: Any) -> bool:  # noqa: ANN401 - as declared
        """Say whether a caller is a container."""
        return ip_address(client_address[0]) in self.network


class _Passing(BaseRequestHandler):
    """Passes on one connection, in both directions."""

    server: _Server

    def handle(self) -> None:
        """Pass on until both sides have said all."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.port)) as target:
            back = threading.Thread(target=_pass_on, args=(target, self.request), daemon=True)
            back.start()
            _pass_on(self.request, target)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until the source has no more, and then say so."""
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
