"""What was ingested: the sources with what became of them, in pages or one by its key."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import unquote, urlencode

import msgspec
from botocore.exceptions import ClientError
from msgspec import Meta

from api.http.errors import UnknownSourceError
from api.http.fields import read_exactly, wrong
from vouchers.dynamodb.sources_listing import Cursor, Place, page
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vouchers.dynamodb.sources_table import SourcesTable, State

MAX_LIMIT = 100
MAX_KEY_BYTES = 1024
"""Bytes of an object's key in S3."""

ENCODED = re.compile(r"(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*", re.ASCII)
"""What a path is made of that is still percent-encoded."""


class SourcesFields(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of which sources is asked for, as it is written.

    Attributes:
        status: what became of the sources; without it, all.
        limit: how many on a page.
        cursor: the `next_cursor` of the page before.
    """

    status: Literal["counted", "failed", "deleted"] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 20
    cursor: str | None = None


class SegmentRows(msgspec.Struct, frozen=True):
    """How many of the counted rows a segment has, and how many of those lie in none of its ranges."""

    counted: int
    unsegmented: int


class Report(msgspec.Struct, frozen=True):
    """What became of a file's rows; `rows` are the `counted` and the `rejected` ones together.

    Attributes:
        rejected_by_reason: how many rows were rejected for which reason.
        repaired: how many of the counted rows were repaired in which way.
        segments: the counted rows by segment.
        seconds: how long counting took.
    """

    rows: int
    counted: int
    rejected: int
    rejected_by_reason: dict[str, int]
    repaired: dict[str, int]
    segments: dict[str, SegmentRows]
    seconds: float | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An object under the prefix, and what became of it.

    Attributes:
        source: the object's key.
        status: its rows are `counted`, it could not be counted and `failed`, or it is `deleted`.
        committed_at: when the counts took notice of that (ISO 8601, UTC).
        uploaded_at: when the object was uploaded (ISO 8601, UTC).
        as_of: to when recency was measured (ISO 8601, UTC), or `row` for each row's own time.
        definitions: the version of the segment definitions that it was counted by.
        version_id: the version of the object in S3.
        etag: of the object in S3.
        error: why it failed, and what to do, in one sentence.
        report: what became of its rows; null where none were counted.
        rejected_object: the key in the results bucket of its rejected rows, if there are any.
    """

    source: str
    status: Literal["counted", "failed", "deleted"]
    committed_at: str
    uploaded_at: str | None
    as_of: str | None
    definitions: str
    version_id: str | None
    etag: str | None
    error: str | None
    report: Report | None
    rejected_object: str | None


class SourceDetail(Source, frozen=True, kw_only=True):
    """A source, and whether a later commit of it is under way."""

    commit_under_way: bool


class SourcesAnswer(msgspec.Struct, frozen=True):
    """A page of sources, the last committed first; `next_cursor` leads to the next, null at the end."""

    sources: list[Source]
    next_cursor: str | None


def page_request(query: Mapping[str, str]) -> tuple[SourcesFields, Cursor]:
    """Return which page is asked for, and where it begins.

    Raises:
        RequestError: if a parameter is wrong.
    """
    written = read_exactly(query, SourcesFields)
    return written, Cursor() if written.cursor is None else _cursor(written.cursor)


def sources_answer(table: SourcesTable, request: tuple[SourcesFields, Cursor]) -> SourcesAnswer:
    """Return a page of sources.

    Raises:
        RequestError: if DynamoDB cannot begin where the cursor says.
    """
    written, cursor = request
    statuses = tuple(Status) if written.status is None else (Status(written.status),)
    try:
        listed, following = page(table, statuses, cursor, written.limit)
    except ClientError as error:
        if written.cursor is not None and error.response["Error"].get("Code") == "ValidationException":
            raise wrong("cursor", written.cursor) from None
        raise
    sources = [Source(**_facts(key, state)) for key, state in listed]
    return SourcesAnswer(sources, _text(following) if following else None)


def links(request: tuple[SourcesFields, Cursor], answer: SourcesAnswer) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288), relative to the route; none on the last."""
    written, _ = request
    if answer.next_cursor is None:
        return {}
    query = {"status": written.status, "limit": written.limit, "cursor": answer.next_cursor}
    given = {name: value for name, value in query.items() if value is not None}
    return {"Link": f'<?{urlencode(given)}>; rel="next"'}


def source_answer(table: SourcesTable, path: str) -> SourceDetail:
    """Return the source whose key the rest of a path is.

    API Gateway hands on paths as they were sent, percent-encoded; emulators of it decode them. What may be
    either is taken for the first, and for the second where there is no such source.

    Raises:
        UnknownSourceError: if there is none.
    """
    decoded = unquote(path, errors="replace") if ENCODED.fullmatch(path) else path
    for key in dict.fromkeys((decoded, path)):
        source = table.load(key) if _can_be_key(key) else None
        state = source and (source.state or source.pending)
        if source and state:
            return SourceDetail(**_facts(key, state), commit_under_way=source.pending is not None)
    raise UnknownSourceError(decoded)


def _can_be_key(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def _facts(key: str, state: State) -> dict[str, Any]:
    names = (
        "committed_at",
        "uploaded_at",
        "as_of",
        "definitions",
        "version_id",
        "etag",
        "error",
        "rejected_object",
    )
    facts = {name: getattr(state, name) for name in names}
    report = msgspec.convert(state.report, Report) if state.report else None
    return {"source": key, "status": str(state.status), "report": report, **facts}


def _text(cursor: Cursor) -> str:
    last = {str(status): list(place) for status, place in cursor.last.items()}
    written = json.dumps([cursor.until, last], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _cursor(text: str) -> Cursor:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        until, last = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=_CURSOR)
    except (ValueError, msgspec.DecodeError):
        raise wrong("cursor", text) from None
    if not all(_can_be_key(key) and at <= until for key, at in last.values()):
        raise wrong("cursor", text)
    return Cursor(until, {Status(status): Place(key, at) for status, (key, at) in last.items()})


_MOMENT = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
_CURSOR = tuple[_MOMENT, dict[Literal["counted", "failed", "deleted"], tuple[str, _MOMENT]]]
