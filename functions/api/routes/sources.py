"""``/v1/sources``: what happened to each object that was ingested, in pages or by key."""

import base64
import re
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlencode

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response
from botocore.exceptions import ClientError
from msgspec import Meta

from api import dependencies
from api.http.errors import UnknownPageError, UnknownSourceError, format_value
from api.http.fields import Moment, read
from api.http.middleware import log_fields
from api.http.responses import cacheable
from api.http.routing import Router
from vouchers.dynamodb.sources_table import Cursor, Place, State, Status
from vouchers.keys import is_key
from vouchers.report import Report

MAX_LIMIT = 100
PERCENT_ENCODED = re.compile(r"(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*", re.ASCII)

StatusName = Literal["counted", "failed", "deleted"]
CursorTime = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
EncodedCursor = tuple[CursorTime, dict[Status, tuple[str, CursorTime]]]
"""A cursor as JSON: its ``until``, and the key and time of the last source of each status."""


class SourcesFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a page of sources.

    Attributes:
        status: list only sources of this status.
        limit: maximum number of sources on a page.
        cursor: the `next_cursor` of the previous page.
    """

    status: StatusName | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 20
    cursor: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An object under the prefix, and what happened to it.

    Attributes:
        source: the object's key.
        status: `counted`, `failed` (it could not be counted), or `deleted`.
        committed_at: when the counts were updated.
        uploaded_at: when the object was uploaded.
        as_of: the time that recency was measured to, or `row` for each row's own time.
        definitions: version of the segment definitions.
        version_id: the object's version in S3.
        etag: the object's ETag in S3.
        error: why counting failed, and what to do, in one sentence.
        report: what happened to its rows; null if none were counted.
        rejected_object: key of the rejected rows in the results bucket, if there are any.
    """

    source: str
    status: StatusName
    committed_at: Moment
    uploaded_at: Moment | None
    as_of: str | None
    definitions: str
    version_id: str | None
    etag: str | None
    error: str | None
    report: Report | None
    rejected_object: str | None


class SourceDetail(Source, frozen=True, kw_only=True):
    """A source, and whether a later commit of it is in progress."""

    commit_under_way: bool


class Window(msgspec.Struct, frozen=True):
    """The times at which the oldest and the newest counted object were uploaded."""

    oldest_upload: Moment
    newest_upload: Moment


class SourcesAnswer(msgspec.Struct, frozen=True):
    """A page of sources by descending commit time.

    `next_cursor` is null on the last page. `window` covers all counted sources; null if there are none.
    """

    sources: list[Source]
    next_cursor: str | None
    window: Window | None


def list_sources(router: Router) -> Response[str]:
    """List the ingested objects, by descending commit time.

    A link leads to the next page (RFC 8288).
    """
    query = router.current_event.query_string_parameters
    log_fields(router, source_status=query.get("status"))
    given = read(query, SourcesFields)
    cursor = Cursor() if given.cursor is None else decode_cursor(given.cursor)
    statuses = tuple(Status) if given.status is None else (Status(given.status),)
    try:
        table = dependencies.sources_table()
        listed, following = table.page(statuses, cursor, given.limit)
    except ClientError as error:
        if given.cursor is not None and error.response["Error"].get("Code") == "ValidationException":
            raise unknown_page(given.cursor) from None
        raise
    sources = [msgspec.convert(describe(key, state), Source) for key, state in listed]
    window = Window(*uploaded) if (uploaded := table.window()) else None
    if following is None:
        return cacheable(SourcesAnswer(sources, None, window))
    encoded = base64.urlsafe_b64encode(msgspec.json.encode((following.until, following.last)))
    next_cursor = encoded.decode().rstrip("=")
    status = {} if given.status is None else {"status": given.status}
    link = urlencode({**status, "limit": given.limit, "cursor": next_cursor})
    context = router.current_event["requestContext"]
    # Emulators give no domain, and another path than the one that was called. A relative link is right there.
    url = f"https://{context['domainName']}{context['path']}" if "domainName" in context else ""
    return cacheable(SourcesAnswer(sources, next_cursor, window), Link=f'<{url}?{link}>; rel="next"')


def source(router: Router) -> Response[str]:
    """Return what happened to one object.

    The key is percent-encoded; its slashes need not be.

    Raises:
        UnknownSourceError: if there is no such source.
    """
    path = router.current_event.path.partition("/v1/sources/")[2]
    # API Gateway passes the path percent-encoded, its emulators decode it.
    decoded = unquote(path, errors="replace") if PERCENT_ENCODED.fullmatch(path) else path
    for key in filter(is_key, dict.fromkeys((decoded, path))):
        found = dependencies.sources_table().load(key)
        if state := found.state or found.pending:
            fields = describe(key, state) | {"commit_under_way": found.pending is not None}
            return cacheable(msgspec.convert(fields, SourceDetail))
    raise UnknownSourceError(decoded)


def describe(key: str, state: State) -> dict[str, Any]:
    """Return the fields of a source, and further fields of its state."""
    fields: dict[str, Any] = msgspec.to_builtins(state)
    return {**fields, "source": key, "report": state.report or None}


def unknown_page(cursor: str) -> UnknownPageError:
    """Return the error of a cursor that the API has not given."""
    found = f"there is no page with the cursor {format_value(cursor)}"
    return UnknownPageError(f"{found}; give the next_cursor of the previous page", "cursor")


def decode_cursor(text: str) -> Cursor:
    """Return the beginning of a page from its cursor.

    Raises:
        UnknownPageError: if the cursor is invalid.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        raw = base64.b64decode(padded, b"-_", validate=True)
        until, last = msgspec.json.decode(raw, type=EncodedCursor)
    except (ValueError, msgspec.DecodeError):
        raise unknown_page(text) from None
    if not all(is_key(key) and at <= until for key, at in last.values()):
        raise unknown_page(text)
    return Cursor(until, {status: Place(key, at) for status, (key, at) in last.items()})
