"""The page for those who choose vouchers: files of this package, each read when it is first asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from api.http.caching import revalidated
from api.http.errors import UnknownRouteError

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import Response

STATIC = Path(__file__).parents[1] / "static"
INDEX = "index.html"
FILES = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "mark.svg": "image/svg+xml",
    **{
        f"{name}.js": "text/javascript; charset=utf-8"
        for name in ("main", "api", "customer", "dom", "segments", "sources", "words")
    },
}
"""The files that are served, with their types; nothing else can be asked for."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""They hold browsers to the page's own files, and to making elements from text alone."""


def file(name: str) -> Response[str]:
    """Return a file of the page.

    Raises:
        UnknownRouteError: if the page has none of that name.
    """
    if name not in FILES:
        raise UnknownRouteError(f"/static/{name}", [f"/static/{each}" for each in FILES])
    return revalidated(_text(name), FILES[name], **HEADERS)


@cache
def _text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
