"""``/`` and ``/static``: the page for people who choose vouchers."""

from pathlib import Path

from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.errors import UnknownRouteError
from api.http.responses import HTML, cacheable
from api.http.routing import Router

STATIC = Path(__file__).parents[1] / "static"
FILES = {
    "index.html": HTML,
    "page.css": "text/css; charset=utf-8",
    "mark.svg": "image/svg+xml",
    **{
        f"{name}.js": "text/javascript; charset=utf-8"
        for name in ("main", "address", "api", "country", "customer", "dom", "overview", "uploads", "words")
    },
}
"""The media type of each file; no other file is served."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Restrict the browser to the page's own files, and to elements that scripts make without HTML."""


def index(_: Router) -> Response[str]:
    """Return the page for people who choose vouchers."""
    return file_response("index.html")


def static(router: Router) -> Response[str]:
    """Return a file of the page."""
    return file_response(router.current_event.path.partition("/static/")[2])


def file_response(name: str) -> Response[str]:
    """Return the answer with a file of the page.

    Raises:
        UnknownRouteError: if the page has no such file.
    """
    if name not in FILES:
        raise UnknownRouteError(f"/static/{name}", [f"/static/{file}" for file in FILES])
    return cacheable((STATIC / name).read_text(encoding="utf-8"), FILES[name], **HEADERS)
