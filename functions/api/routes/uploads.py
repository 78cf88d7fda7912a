"""``/v1/uploads``: permission to upload one file from a browser, as a presigned POST of S3."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from api import dependencies
from api.http.errors import ConflictingFieldsError, UncountedNameError, UploadsOffError, format_value
from api.http.fields import MAX_BODY, TIMESTAMP_FORMAT, Moment, json_object, read, wrong
from api.http.middleware import log_fields
from api.http.routing import Router
from vouchers.keys import MAX_KEY_BYTES, is_key, is_marker
from vouchers.timestamps import iso, parse_timestamp

MAX_UPLOAD_BYTES = 1 << 30
"""Bytes of a file; S3 takes 5 GB in one POST, which a browser would have to send again from the start."""

MAX_METADATA = 1_800
"""Bytes of the metadata of an object, whose limit in S3 is 2 KB with the names."""

AsOf = Annotated[
    str, Meta(extra_json_schema={"anyOf": [{"enum": ["row", "upload"]}, {"format": TIMESTAMP_FORMAT}]})
]
ColumnNames = Annotated[str, Meta(pattern="^[ -~]*$", max_length=MAX_METADATA)]

LIFETIME = timedelta(minutes=15)
"""How long an upload may start after the permission was given."""


class UploadFields(msgspec.Struct, frozen=True, kw_only=True):
    """A file to upload.

    Attributes:
        name: the file's name, or a path of folders and name; the key is the stack's prefix and the name.
        as_of: the as-of date, to which recency is measured: a date, `row` or `upload`.
        column_names: other names of columns, such as `country_code=country`; ASCII, percent-encoded.
    """

    name: Annotated[str, Meta(pattern=r"\S", max_length=MAX_KEY_BYTES, examples=["2018/may.parquet"])]
    as_of: AsOf | None = None
    column_names: ColumnNames | None = None


class UploadAnswer(msgspec.Struct, frozen=True):
    """A presigned POST of S3 for one file.

    Attributes:
        url: where to send the form, as `multipart/form-data`.
        fields: the fields of the form; the last one, `file`, is the file.
        source: the object's key, and the source in `/v1/sources` once the file is counted.
        max_bytes: the largest size of the file.
        expires_at: until when the upload may start.
    """

    url: str
    fields: dict[str, str]
    source: str
    max_bytes: int
    expires_at: Moment


def create_upload(router: Router) -> UploadAnswer:
    """Allow the upload of one file.

    S3 accepts the form once or repeatedly until it expires, only for this key, with these fields, and with a
    file of 1 byte to 1 GiB. A file with the same key is replaced. The stack parameter `PageUploads` turns
    uploads on.

    Raises:
        UploadsOffError: if uploads are off.
        UncountedNameError: if a file with the name would not be counted.
        ConflictingFieldsError: if the as-of date is in the future.
    """
    bucket = dependencies.uploads_bucket()
    if not bucket:
        raise UploadsOffError
    given = read(json_object(router.current_event, MAX_BODY), UploadFields)
    key = key_of(given.name)
    now = datetime.now(UTC)
    metadata = {"as-of": as_of(given.as_of, now), "columns": (given.column_names or "").strip()}
    log_fields(router, source=key)
    fields = {f"x-amz-meta-{name}": value for name, value in metadata.items() if value}
    fields["success_action_status"] = "201"
    conditions = [{name: value} for name, value in fields.items()]
    form = dependencies.s3_client().generate_presigned_post(
        bucket,
        key,
        Fields=fields,
        Conditions=[*conditions, ["content-length-range", 1, MAX_UPLOAD_BYTES]],
        ExpiresIn=int(LIFETIME.total_seconds()),
    )
    return UploadAnswer(form["url"], form["fields"], key, MAX_UPLOAD_BYTES, iso(now + LIFETIME))


def bucket_url() -> str | None:
    """Return where browsers send files; None if uploads are off."""
    bucket = dependencies.uploads_bucket()
    url = bucket and dependencies.s3_client().generate_presigned_post(bucket, "x")["url"]
    return url or None


def key_of(name: str) -> str:
    """Return the key of an upload, given its name with or without the prefix.

    Raises:
        UncountedNameError: if a file with this key would not be counted.
    """
    prefix = dependencies.uploads_prefix()
    below = name.strip().lstrip("/").removeprefix(prefix)
    reason = None
    # S3 replaces this text in the key of a form by the name of the file.
    if not below or below.endswith("/") or "${filename}" in below:
        reason = "it is not the name of a file"
    elif is_marker(below):
        reason = "a name in it begins with '_' or '.'"
    elif not is_key(prefix + below) or not below.isprintable():
        reason = "it is too long, or has characters that cannot be printed"
    if reason:
        raise UncountedNameError(f"{format_value(name)} would not be counted, because {reason}", "name")
    return prefix + below


def as_of(text: str | None, now: datetime) -> str | None:
    """Return an as-of date as metadata.

    Raises:
        RequestError: if it is neither a date nor `row` or `upload`.
        ConflictingFieldsError: if it is in the future.
    """
    written = (text or "").strip()
    if not written or written.lower() in {"row", "upload"}:
        return written.lower() or None
    try:
        moment = parse_timestamp(written)
    except ValueError:
        raise wrong("as_of", text) from None
    if moment > now:
        raise ConflictingFieldsError(
            f"as_of {format_value(text)} is in the future; give a date of the past", "as_of"
        )
    return written
