"""A gateway on this machine to an API that is closed by IAM: it signs what it forwards."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    NoCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOError,
)
from botocore.httpsession import URLLib3Session

from voucher_selector.local_stack.ports import require_free

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.credentials import Credentials

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request that an API takes; no more are read."""

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
HERE = {"localhost", "127.0.0.1", "[::1]"}

NOT_SIGNED = (CredentialRetrievalError, NoCredentialsError, RefreshWithMFAUnsupportedError, SSOError)

# They belong to one connection, or are made anew on the next one.
HOP_BY_HOP = {
    "authorization", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """An API to forward to: its URL with the stage's path, and by whom and where requests are signed for."""

    url: str
    region: str
    credentials: Credentials


def sign(
    target: Target, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> AWSPreparedRequest:
    """Return the request for ``path`` (with its query) of ``target``, signed with SigV4.

    Only the host and the time are signed: a proxy on the way may change the other headers.
    """
    request = AWSRequest(method, target.url.rstrip("/") + path, data=body)
    SigV4Auth(target.credentials, "execute-api", target.region).add_auth(request)
    for name, value in headers.items():
        if name.lower() not in HOP_BY_HOP and not name.lower().startswith("x-amz-"):
            request.headers[name] = value
    return request.prepare()


@contextmanager
def gateway(port: int, target: Target) -> Iterator[str]:
    """Forward what comes to ``port`` of this machine while the block runs; yield the gateway's URL.

    Raises:
        StackError: the port is in use.
    """
    require_free(port, "PORT")
    server = _Server(port, target)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """Listens on loopback alone, and answers each connection in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, target: Target) -> None:
        super().__init__(("127.0.0.1", port), _Forwarder)
        self.target = target
        direct = target.url.startswith("http:")
        self.session = URLLib3Session(
            proxies={} if direct else None,
            timeout=60,
            max_pool_connections=64,
            socket_options=[NO_DELAY],  # type: ignore[list-item] # its stubs say strings, sockets take numbers
        )


class _Forwarder(BaseHTTPRequestHandler):
    """Forwards one connection's requests, whatever their method."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __getattr__(self, name: str) -> object:
        """Serve every method: the standard library looks for ``do_GET``, ``do_POST`` and so on."""
        if name.startswith("do_"):
            return self._forward
        raise AttributeError(name)

    def _forward(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in HERE:
            # A page of another site may have its own name resolve to this machine.
            self._refuse(HTTPStatus.FORBIDDEN, "This gateway answers to localhost alone")
        elif "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "Say the body's length in Content-Length")
        elif int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request has {MAX_BODY} bytes at most")
        else:
            self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        try:
            request = sign(self.server.target, self.command, self.path, dict(self.headers), body)
            response = self.server.session.send(request)
        except NOT_SIGNED as error:
            said = f"The credentials cannot be used, sign in to AWS again: {error}"
            self._refuse(HTTPStatus.BAD_GATEWAY, said)
        except BotoCoreError:
            self._refuse(HTTPStatus.BAD_GATEWAY, f"The API at {self.server.target.url} does not answer")
        else:
            self._pass_on(response)

    def _pass_on(self, response: AWSResponse) -> None:
        headers = {name: value for name, value in response.headers.items() if name.lower() not in HOP_BY_HOP}
        self._send(response.status_code, headers, response.content)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True
        self._send(status, {"Content-Type": "application/json", "Connection": "close"}, _problem(message))

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent: the function logs each request."""


def _problem(message: str) -> bytes:
    return json.dumps({"message": message}).encode()
