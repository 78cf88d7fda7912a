"""A TCP relay that lets containers reach a loopback port of this machine through Docker's bridge."""

import fcntl
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Interface, ip_address
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from voucher_selector.errors import StackError

BRIDGE = "docker0"
SIOCGIFADDR, SIOCGIFNETMASK = 0x8915, 0x891B
"""Linux's requests for the address and the netmask of an interface."""

CHUNK = 64 * 1024


def bridge(name: str = BRIDGE) -> IPv4Interface | None:
    """Return the address and network of Docker's bridge, which containers call host.docker.internal.

    Docker Desktop has no bridge: its containers reach this machine's loopback by that name themselves.
    """
    request = struct.pack("256s", name.encode())
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            answers = [fcntl.ioctl(probe, code, request) for code in (SIOCGIFADDR, SIOCGIFNETMASK)]
    except OSError:
        return None
    address, mask = (socket.inet_ntoa(answer[20:24]) for answer in answers)
    return IPv4Interface(f"{address}/{mask}")


@contextmanager
def relay(port: int, at: IPv4Interface) -> Iterator[None]:
    """Relay connections to a port at an address, from its network, to the same port of loopback.

    Raises:
        StackError: if the port is in use at that address.
    """
    try:
        server = _Server(port, at)
    except OSError as error:
        raise StackError(
            f"Cannot listen for containers at {at.ip}:{port}: {error.strerror}. Free the port, or set"
            f" AWS_PORT={port + 1}"
        ) from None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingTCPServer):
    """Accepts containers only: other machines may have a route to the bridge."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, at: IPv4Interface) -> None:
        super().__init__((str(at.ip), port), _Connection)
        self.port, self.network = port, at.network

    def verify_request(self, _request: object, client_address: Any) -> bool:  # noqa: ANN401 - an address of any family
        """Return whether the client is a container."""
        return ip_address(client_address[0]) in self.network


class _Connection(BaseRequestHandler):
    """Relays one connection in both directions."""

    server: _Server

    def handle(self) -> None:
        """Relay until both sides have closed."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.port)) as target:
            back = threading.Thread(target=_copy, args=(target, self.request), daemon=True)
            back.start()
            _copy(self.request, target)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, then end the target."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
