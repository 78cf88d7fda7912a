"""A local gateway to an API that requires IAM: it signs the requests that it forwards."""

from __future__ import annotations

import json
import socket
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

from voucher_selector.local_stack.emulator import REGION
from voucher_selector.local_stack.ports import require_free, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.credentials import Credentials

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request body that API Gateway accepts."""

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}

CREDENTIAL_ERRORS = (CredentialRetrievalError, NoCredentialsError, RefreshWithMFAUnsupportedError, SSOError)

# They belong to one connection, or are set again on the next one.
HOP_BY_HOP = {
    "authorization", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """An API: its URL with the stage, and the region and credentials that sign its requests.

    Without credentials, requests are not signed; the local gateway signs them itself.
    """

    url: str
    region: str = REGION
    credentials: Credentials | None = None


def sign(
    target: Target, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> AWSPreparedRequest:
    """Return the request for ``path`` (with its query) of ``target``, signed with SigV4.

    Only the host and the time are signed, since a proxy may change the other headers.
    """
    request = AWSRequest(method, target.url.rstrip("/") + path, data=body)
    if target.credentials:
        SigV4Auth(target.credentials, "execute-api", target.region).add_auth(request)
    for name, value in headers.items():
        if name.lower() not in HOP_BY_HOP and not name.lower().startswith("x-amz-"):
            request.headers[name] = value
    return request.prepare()


@contextmanager
def gateway(port: int, target: Target) -> Iterator[str]:
    """Forward requests at ``port`` of this machine while the block runs; yield the gateway's URL.

    Raises:
        StackError: if the port is in use.
    """
    require_free(port, "PORT")
    with serve(_Server(port, target)):
        yield f"http://localhost:{port}"


class _Server(ThreadingHTTPServer):
    """Listens on loopback, one thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, target: Target) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.target = target
        direct = target.url.startswith("http:")
        self.session = URLLib3Session(
            proxies={} if direct else None,
            timeout=60,
            max_pool_connections=64,
            socket_options=[NO_DELAY],  # type: ignore[list-item] # its stubs say strings, sockets take numbers
        )


class _Handler(BaseHTTPRequestHandler):
    """Forwards the requests of one connection, whatever their method."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __getattr__(self, name: str) -> object:
        """Handle every method: the standard library calls ``do_GET``, ``do_POST`` and so on."""
        if name.startswith("do_"):
            return self._forward
        raise AttributeError(name)

    def _forward(self) -> None:
        length = self.headers.get("Content-Length", "0")
        target = self.server.target
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in LOCAL_HOSTS:
            # Another site's page may have its own host name resolve to this machine.
            refusal = HTTPStatus.FORBIDDEN, "The gateway accepts requests to localhost only"
        elif "Transfer-Encoding" in self.headers or not length.isdecimal():
            refusal = HTTPStatus.LENGTH_REQUIRED, "Send the body's length in Content-Length"
        elif int(length) > MAX_BODY:
            refusal = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request body has at most {MAX_BODY} bytes"
        else:
            try:
                body = self.rfile.read(int(length))
                request = sign(target, self.command, self.path, dict(self.headers), body)
                response = self.server.session.send(request)
            except CREDENTIAL_ERRORS as error:
                refusal = HTTPStatus.BAD_GATEWAY, f"Invalid AWS credentials. Sign in to AWS again: {error}"
            except BotoCoreError:
                refusal = HTTPStatus.BAD_GATEWAY, f"The API at {target.url} does not answer"
            else:
                headers = {n: v for n, v in response.headers.items() if n.lower() not in HOP_BY_HOP}
                self._send(response.status_code, headers, response.content)
                return
        self.close_connection = True
        status, message = refusal
        headers = {"Content-Type": "application/json", "Connection": "close"}
        self._send(status, headers, json.dumps({"message": message}).encode())

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the function logs each request."""
