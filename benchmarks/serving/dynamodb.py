"""A stand-in for DynamoDB with one item, which adds little to the time of the client."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTS = {"0": 13950, "2640": 49102, "3520": 22037, "4400": 21458}
ITEM = {"updated_at": {"S": "2026-11-22T10:00:00Z"}, **{name: {"N": str(n)} for name, n in COUNTS.items()}}
BODY = json.dumps({"Item": ITEM}).encode()


class Quick(BaseHTTPRequestHandler):
    """A handler for persistent connections, without delays and log lines, and with one write per response."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Answer a request."""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def read(self) -> bytes:
        """Return the request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Table(Quick):
    def do_POST(self) -> None:
        self.read()
        self.answer(200, BODY, Content_Type="application/x-amz-json-1.0")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Log nothing: clients end without closing their connections."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on loopback while the block runs; yield host and port."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def dynamodb() -> Iterator[str]:
    """Run the stand-in in a thread while the block runs; yield its endpoint."""
    with serving(_Table) as address:
        yield f"http://{address}"
