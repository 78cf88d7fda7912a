from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

import pytest

from voucher_selector.errors import StackError
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.relay import bridge, relay

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(sys.platform != "linux", reason="Docker's bridge is Linux's"),
]

BRIDGE = IPv4Interface("127.0.0.2/8")
LARGE = bytes(range(256)) * 20_000


@contextmanager
def echo() -> Iterator[int]:
    """Answer one connection on a loopback port with its bytes reversed; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as message:
                connection.sendall(message.read()[::-1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def say(port: int, what: bytes) -> bytes:
    with socket.create_connection((str(BRIDGE.ip), port), timeout=10) as connection:
        connection.sendall(what)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


def test_what_a_container_says_reaches_loopback_and_the_answer_comes_back() -> None:
    with echo() as port, relay(port, BRIDGE):
        assert say(port, LARGE) == LARGE[::-1]


def test_who_is_not_in_the_containers_network_is_not_served() -> None:
    with (
        echo() as port,
        relay(port, IPv4Interface("127.0.0.2/32")),
        socket.create_connection((str(BRIDGE.ip), port), timeout=10, source_address=("127.0.0.1", 0)) as c,
    ):
        assert c.recv(1) == b""


def test_a_connection_ends_where_nothing_answers_on_loopback() -> None:
    port = free_port()
    with relay(port, BRIDGE):
        assert say(port, b"") == b""


def test_after_the_block_nothing_listens() -> None:
    port = free_port()
    with relay(port, BRIDGE):
        pass
    with pytest.raises(ConnectionRefusedError):
        say(port, b"")


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server((str(BRIDGE.ip), 0)) as taken, pytest.raises(StackError) as raised:
        relay(taken.getsockname()[1], BRIDGE).__enter__()
    assert str(raised.value).startswith("Cannot listen for containers at 127.0.0.2:")


def test_the_bridge_is_an_interface_with_an_address() -> None:
    assert bridge("lo") == IPv4Interface("127.0.0.1/8")
    assert bridge("none0") is None
