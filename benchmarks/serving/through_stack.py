"""The embedded stack over HTTP: the gateway, and API Gateway, Lambda and DynamoDB of the emulator."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.serving import empty
from benchmarks.serving.dynamodb import COUNTS
from benchmarks.serving.variants import EMPTY, event
from voucher_selector.local_stack.deploy import FUNCTIONS, session
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running
from vouchers.counts import range_cell, spellings_cell
from vouchers.dynamodb.segments_table import add_update
from vouchers.segments import Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.serving.variants import Variant
    from voucher_selector.local_stack.stack import Stack

CLIENTS = 8


@contextmanager
def stack(variant: Variant) -> Iterator[str]:
    """Run a stack with the variant behind its API and with the reference counts; yield the API's address."""
    parameters = {"AnswerCacheSeconds": str(variant.cache_seconds)}
    with (
        _functions(variant) as functions,
        running(free_port(), free_port(), parameters=parameters, functions=functions) as up,
    ):
        _fill(up)
        yield urlsplit(up.url).netloc


def one_after_the_other(address: str, requests: int) -> list[float]:
    """Send requests one by one on one connection; return the seconds of each."""
    connection = HTTPConnection(address, timeout=60)
    try:
        return [_ask(connection) for _ in range(requests)]
    finally:
        connection.close()


def a_second(address: str, requests: int) -> float:
    """Return the responses per second to eight concurrent clients."""
    clients = [
        threading.Thread(target=one_after_the_other, args=(address, requests // CLIENTS))
        for _ in range(CLIENTS)
    ]
    start = perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return requests // CLIENTS * CLIENTS / (perf_counter() - start)


def _ask(connection: HTTPConnection) -> float:
    asked = event()
    start = perf_counter()
    connection.request("GET", asked["path"], asked["body"], {"Content-Type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    seconds = perf_counter() - start
    if body.decode() != empty.ANSWER["body"]:
        raise RuntimeError(f"{response.status}: {body.decode()}")
    return seconds


@contextmanager
def _functions(variant: Variant) -> Iterator[Path]:
    if variant.handler != EMPTY:
        yield FUNCTIONS
        return
    with tempfile.TemporaryDirectory() as directory:
        for function in ("api", "ingest"):
            package = Path(directory, function)
            package.mkdir()
            (package / "__init__.py").touch()
            shutil.copy(empty.__file__, package / "handler.py")
        yield Path(directory)


def _fill(up: Stack) -> None:
    client = session().client("dynamodb", endpoint_url=up.endpoint)
    cell = range_cell("Peru", "recency_segment", Range(180, 99999999))
    for where, counters in ((cell, COUNTS), (spellings_cell("Peru"), {"Peru": 1})):
        update = add_update(up.outputs["SegmentsTable"], where, counters, "2026-11-22T10:00:00Z")
        client.update_item(**update)
