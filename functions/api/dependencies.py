"""What views depend on: the settings, tables and buckets, and the cache of counts; made once a process."""

from __future__ import annotations

import math
import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

from botocore.config import Config

from api.cached_table import CachedSegmentsTable, TTLCache
from api.http.routing import Router
from vouchers.dynamodb.aws import create_client
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.keys import PREFIX
from vouchers.settings import SettingsError, required

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from vouchers.dynamodb.sources_table import SourcesTable

# Two attempts of (1 + 3) s, with the pause between them, fit into the function's timeout of 10 s.
CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
    max_pool_connections=1,
)


@cache
def segments_table() -> SegmentsTable:
    """Return the table of counts.

    Raises:
        SettingsError: if ``SEGMENTS_TABLE`` is missing.
    """
    name = required(os.environ, "SEGMENTS_TABLE", "the name of the DynamoDB table of counts")
    return SegmentsTable(create_client("dynamodb", CLIENT_CONFIG), name)


@cache
def answer_cache() -> TTLCache:
    """Return the cache of the counts that a voucher is chosen by.

    ``ANSWER_CACHE_SECONDS`` is their maximum age; 0, the default, disables the cache.

    Raises:
        SettingsError: if ``ANSWER_CACHE_SECONDS`` is not a number >= 0.
    """
    written = os.environ.get("ANSWER_CACHE_SECONDS", "").strip() or "0"
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError("ANSWER_CACHE_SECONDS", written, "a number of seconds from 0 up")
    return TTLCache(seconds)


def cached_segments_table(router: Router, now: datetime) -> CachedSegmentsTable:
    """Return the table of counts with its cache, for one request.

    The answer's ``Age`` header tells how old the counts are.

    Raises:
        SettingsError: if a setting is missing or invalid.
    """
    table = CachedSegmentsTable(segments_table(), answer_cache(), now.timestamp())
    router.context["counts"] = table
    return table


@cache
def sources_table() -> SourcesTable:
    """Return the table of sources, which only the routes of sources need.

    Raises:
        SettingsError: if ``SOURCES_TABLE`` or a setting is missing or invalid.
    """
    from vouchers.dynamodb.sources_table import SourcesTable  # noqa: PLC0415 - only some routes need it

    name = required(os.environ, "SOURCES_TABLE", "the name of the DynamoDB table of sources")
    return SourcesTable(segments_table().client, name)


@cache
def s3_client() -> S3Client:
    """Return a client of S3, which only the routes of files need.

    It addresses a bucket by its region, since other addresses redirect, which a form does not follow.
    """
    style: Literal["virtual"] = "virtual"
    signed = Config(signature_version="s3v4", s3={"addressing_style": style})
    return create_client("s3", CLIENT_CONFIG.merge(signed))


def results_bucket() -> str:
    """Return the name of the bucket of rejected rows.

    Raises:
        SettingsError: if ``RESULTS_BUCKET`` is missing.
    """
    return required(os.environ, "RESULTS_BUCKET", "the name of the bucket of rejected rows")


def uploads_bucket() -> str | None:
    """Return the name of the bucket to which browsers may upload; None if they may not."""
    return os.environ.get("PAGE_UPLOADS_BUCKET", "").strip() or None


def uploads_prefix() -> str:
    """Return the prefix of the keys of uploads."""
    return os.environ.get("UPLOADS_PREFIX", "").strip() or PREFIX
