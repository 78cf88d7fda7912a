"""The cost of a request: connections, calls and imports, counted rather than timed."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from api import dependencies
from api.cached_table import TTLCache
from tests.support.api_gateway import CUSTOMER, call, rest_event
from tests.support.fake_segments_table import CountedTable

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = rest_event(body=json.dumps(CUSTOMER))
ITEM = {"updated_at": {"S": "2026-11-22T10:00:00Z"}, "2640": {"N": "2"}}
MAX_CALLS = 350
"""Calls of Python functions for one request, without those for DynamoDB."""


@dataclass
class Served:
    """The requests to a fake DynamoDB that has one item."""

    connections: set[Any] = field(default_factory=set)
    operations: list[str] = field(default_factory=list)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    seen = Served()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen.connections.add(self.client_address)
            seen.operations.append(self.headers["X-Amz-Target"])
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"Item": ITEM}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SEGMENTS_TABLE", "segments")
    dependencies.segments_table.cache_clear()
    dependencies.answer_cache.cache_clear()
    yield seen
    dependencies.segments_table.cache_clear()
    dependencies.answer_cache.cache_clear()
    server.shutdown()
    server.server_close()


def test_requests_share_one_connection_and_cost_one_get_item_each(served: Served) -> None:
    answers = [call(ASKED).body for _ in range(3)]
    assert answers == ['{"voucher_amount":[2640.0]}'] * 3
    assert served.operations == ["DynamoDB_20120810.GetItem"] * 3
    assert len(served.connections) == 1


@pytest.fixture(params=[0, 60], ids=["fresh", "cached"])
def warm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    table, cache = CountedTable(), TTLCache(request.param)
    monkeypatch.setattr(dependencies, "segments_table", lambda: table)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: cache)
    for _ in range(2):
        call(ASKED)


@pytest.mark.usefixtures("warm")
def test_a_warm_request_takes_few_calls() -> None:
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        call(ASKED)
    finally:
        sys.setprofile(None)
    assert 0 < calls <= MAX_CALLS, calls


@pytest.mark.usefixtures("warm")
def test_a_warm_request_imports_nothing_and_opens_no_file() -> None:
    happened: list[tuple[str, Any]] = []
    watching = True

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if watching and event in {"import", "open", "compile"}:
            happened.append((event, details))

    sys.addaudithook(watch)  # for the rest of the process, so it is told when to stop
    call(ASKED)
    watching = False
    assert happened == []
