"""``/`` and ``/static``: the page for people who choose vouchers."""

import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path

from aws_lambda_powertools.event_handler.api_gateway import Response

from api import dependencies
from api.http.errors import UnknownRouteError
from api.http.responses import CACHE_CONTROL, HTML, cacheable
from api.http.routing import Router
from api.routes.uploads import MAX_UPLOAD_BYTES, bucket_url

STATIC = Path(__file__).parents[1] / "static"
MODULES = (
    "dom",
    "words",
    "address",
    "api",
    "country",
    "history",
    "customer",
    "overview",
    "uploads",
    "send",
    "main",
)
"""The modules of the page's script, each after those that it imports."""

FILES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
}
"""The media type of each file; no other file is served."""

IMMUTABLE = "private, max-age=31536000, immutable"
"""A browser need not ask for a file again whose address has its version."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{bucket}; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Restricts the browser to the page's own files and, where uploads are on, to the bucket."""

HEADERS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}

NAMES = r"\{ ([\w, ]+) \}"
IMPORT = re.compile(rf'^import (?:{NAMES} from |\* as (\w+) from )?"\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function|class) (\w+))", re.MULTILINE)


def index(_: Router) -> Response[str]:
    """Return the page for people who choose vouchers."""
    bucket = bucket_url()
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    text = re.sub(r'"static/([\w.]+)"', rf'"static/\1?v={version()}"', text)
    text = text.replace('data-prefix="vouchers/"', f'data-prefix="{escape(dependencies.uploads_prefix())}"')
    if bucket:
        text = text.replace('data-max-upload=""', f'data-max-upload="{MAX_UPLOAD_BYTES}"')
    return file_response(text, HTML, f" {bucket}" if bucket else "")


def static(router: Router) -> Response[str]:
    """Return a file of the page.

    Raises:
        UnknownRouteError: if the page has no such file.
    """
    event = router.current_event
    name = event.path.partition("/static/")[2]
    if name not in FILES:
        raise UnknownRouteError(f"/static/{name}", [f"/static/{file}" for file in FILES])
    response = file_response(content(name), FILES[name])
    if event.query_string_parameters.get("v") == version():
        response.headers[CACHE_CONTROL] = IMMUTABLE
    return response


def file_response(text: str, media_type: str, bucket: str = "") -> Response[str]:
    """Return the answer with a file of the page; ``bucket`` is the address to which the page may upload."""
    policy = {"Content-Security-Policy": POLICY.format(bucket=bucket)}
    return cacheable(text, media_type, **policy, **HEADERS)


@cache
def version() -> str:
    """Return a digest of all files."""
    return hashlib.sha256("".join(map(content, FILES)).encode()).hexdigest()[:12]


@cache
def content(name: str) -> str:
    """Return a file of the page. The script is made of all modules, since each request starts a function."""
    if name != "page.js":
        return (STATIC / name).read_text(encoding="utf-8")
    parts = [as_function(module) for module in MODULES]
    return "\n".join(['"use strict";', "const modules = {};", *parts])


def as_function(module: str) -> str:
    """Return a module as a function, which keeps its names apart from those of the other modules."""
    text = (STATIC / f"{module}.js").read_text(encoding="utf-8")
    exported = ", ".join(EXPORT.findall(text))
    body = EXPORT.sub("", IMPORT.sub(as_constant, text))
    return f"modules.{module} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"


def as_constant(found: re.Match[str]) -> str:
    """Return an import as a constant; one without names needs none."""
    names, whole, module = found.groups()
    if not names and not whole:
        return ""
    return f"const {f'{{ {names} }}' if names else whole} = modules.{module};"
