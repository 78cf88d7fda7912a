"""A local gateway to an API that requires IAM: it signs requests, forwards them, and serves ``/docs``."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING

import uvicorn
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    NoCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOError,
)
from botocore.httpsession import URLLib3Session
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from voucher_selector.local_stack.ports import require_free
from voucher_selector.local_stack.signing import HOP_BY_HOP, Target, sign

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request body that API Gateway accepts."""

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}

CREDENTIAL_ERRORS = (CredentialRetrievalError, NoCredentialsError, RefreshWithMFAUnsupportedError, SSOError)


EXPOSED_HEADERS = ["Age", "Content-Disposition", "ETag", "Link", "Retry-After", "X-Request-Id"]
"""Pages of another origin may read these headers."""

NO_CONTENT = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

SCALAR = str(files("flask_openapi_scalar") / "templates" / "scalar" / "js" / "scalar.standalone.js")
SCALAR_OPTIONS = {
    "agent": {"disabled": True},
    "documentDownloadType": "json",
    "hideClientButton": True,
    "mcp": {"disabled": True},
    "servers": [{"url": "/"}],
    "showDeveloperTools": "never",
    "telemetry": False,
    "withDefaultFonts": False,
}
"""Leave out everything that needs the internet, and send requests to the page's own origin."""

DOCS = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Voucher Selector API</title>
<link rel="icon" href="static/mark.svg" type="image/svg+xml">
<body>
<script id="api-reference" data-url="openapi.json"
  data-configuration="{escape(json.dumps(SCALAR_OPTIONS))}"></script>
<script src="docs/scalar.js"></script>
</body>
</html>
"""
DOCS_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data: blob:; frame-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
}


@contextmanager
def gateway(port: int, target: Target, cors: str | None = None) -> Iterator[str]:
    """Forward requests at ``port`` of this machine while the block runs; yield the gateway's URL.

    Pages of the origin ``cors`` may read the answers.

    Raises:
        StackError: if the port is in use.
    """
    require_free(port, "PORT")
    config = uvicorn.Config(
        application(target, cors),
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.01)
        yield f"http://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join()


def application(target: Target, cors: str | None) -> Starlette:
    """Return the ASGI application of a gateway."""
    middleware = [Middleware(LocalHostMiddleware), Middleware(GZipMiddleware)]
    if cors:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=[cors],
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=EXPOSED_HEADERS,
            )
        )
    forward = Forward(target)
    routes = [
        Route("/docs", lambda _: HTMLResponse(DOCS, headers=DOCS_HEADERS)),
        Route("/docs/scalar.js", lambda _: FileResponse(SCALAR, media_type="text/javascript")),
        Route("/openapi.json", forward.describe),
    ]
    app = Starlette(routes=routes, middleware=middleware)
    # A route of Starlette matches no path that contains a line end.
    app.router.default, app.router.redirect_slashes = forward, False
    return app


class LocalHostMiddleware:
    """Refuses requests to another host."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        app, host = self.app, Headers(scope=scope).get("host", "")
        if host.rsplit(":", 1)[0] not in LOCAL_HOSTS:
            # Another site's page may have its own host name resolve to this machine.
            app = refusal(HTTPStatus.FORBIDDEN, "The gateway accepts requests to localhost only")
        await app(scope, receive, send)


class Forward:
    """Forwards each request to the API, signed."""

    def __init__(self, target: Target) -> None:
        self.target = target
        direct = target.url.startswith("http:")
        self.session = URLLib3Session(
            proxies={} if direct else None,
            timeout=60,
            max_pool_connections=64,
            socket_options=[NO_DELAY],  # type: ignore[list-item] # its stubs say strings, sockets take numbers
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = await self.answer(Request(scope, receive))
        if scope["method"] == "HEAD" or response.status_code in NO_CONTENT:
            # The length is that of the body that GET returns, which is not known here.
            del response.headers["Content-Length"]
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Return the answer of the API, or an error of the gateway."""
        body, length = bytearray(), int(request.headers.get("Content-Length", 0))
        parts = aiter(request.stream())
        try:
            while length <= MAX_BODY and (part := await anext(parts, b"")):
                body += part
                length = max(length, len(body))
        except ClientDisconnect:
            return Response()
        if length > MAX_BODY:
            message = f"A request body has at most {MAX_BODY} bytes"
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        query = request.scope["query_string"]
        path = (request.scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        try:
            signed = sign(self.target, request.method, path, dict(request.headers), bytes(body))
            response = await run_in_threadpool(self.session.send, signed)
        except CREDENTIAL_ERRORS as error:
            return refusal(HTTPStatus.BAD_GATEWAY, f"Invalid AWS credentials. Sign in to AWS again: {error}")
        except BotoCoreError:
            return refusal(HTTPStatus.BAD_GATEWAY, f"The API at {self.target.url} does not answer")
        headers = {n: v for n, v in response.headers.items() if n.lower() not in HOP_BY_HOP}
        answer = Response(response.content, response.status_code, headers)
        if link := answer.headers.get("Link"):
            # The next page has the address that was called, and another query.
            answer.headers["Link"] = f"<{request.url.replace(query=None)}?{link.partition('?')[2]}"
        return answer

    async def describe(self, request: Request) -> Response:
        """Return the API's description for callers of this gateway, who need not sign."""
        response = await self.answer(request)
        if response.status_code != HTTPStatus.OK:
            return response
        # Some programs look for localhost at its IPv6 address only.
        server = f"http://127.0.0.1:{request.url.port}"
        here = {"servers": [{"url": server}], "security": [{}, {"sigv4": []}]}
        return JSONResponse(json.loads(bytes(response.body)) | here)


def refusal(status: HTTPStatus, message: str) -> Response:
    """Return an error of the gateway, in the form of API Gateway's own."""
    return JSONResponse({"message": message}, status, {"Connection": "close"})
