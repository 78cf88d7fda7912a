"""What views depend on: the settings, the two tables, and the cache of counts; made once a process."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config

from api.cached_table import CachedSegmentsTable, TTLCache
from api.http.middleware import set_counts_age
from vouchers.dynamodb.aws import create_client
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.settings import SettingsError, required

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from api.http.routing import Router
    from vouchers.dynamodb.sources_table import SourcesTable

# Two attempts of (1 + 3) s, with the pause between them, fit into the function's timeout of 10 s.
CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
    max_pool_connections=1,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The API function's settings.

    Attributes:
        segments_table: name of the DynamoDB table of counts.
        cache_seconds: maximum age in seconds of the counts that a voucher is chosen by; 0 disables the cache.
    """

    segments_table: str
    cache_seconds: float = 0


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: if ``SEGMENTS_TABLE`` is missing, or ``ANSWER_CACHE_SECONDS`` is not a number >= 0.
    """
    table = required(environment, "SEGMENTS_TABLE", "the name of the DynamoDB table of counts")
    written = environment.get("ANSWER_CACHE_SECONDS", "").strip() or "0"
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError("ANSWER_CACHE_SECONDS", written, "a number of seconds from 0 up")
    return Settings(table, seconds)


@cache
def segments_table() -> SegmentsTable:
    """Return the table of counts.

    Raises:
        SettingsError: if a setting is missing or invalid.
    """
    settings = load_settings()
    return SegmentsTable(create_client("dynamodb", CLIENT_CONFIG), settings.segments_table)


@cache
def answer_cache() -> TTLCache:
    """Return the cache of counts.

    Raises:
        SettingsError: if a setting is missing or invalid.
    """
    return TTLCache(load_settings().cache_seconds)


def cached_segments_table(router: Router, now: datetime) -> CachedSegmentsTable:
    """Return the table of counts with its cache, for one request.

    The answer's ``Age`` header tells how old the counts are.

    Raises:
        SettingsError: if a setting is missing or invalid.
    """
    table = CachedSegmentsTable(segments_table(), answer_cache(), now.timestamp())
    set_counts_age(router, lambda: table.age)
    return table


@cache
def sources_table() -> SourcesTable:
    """Return the table of sources, which only the routes of sources need.

    Raises:
        SettingsError: if ``SOURCES_TABLE`` or a setting is missing or invalid.
    """
    from vouchers.dynamodb.sources_table import SourcesTable  # noqa: PLC0415 (only some routes need it)

    name = required(os.environ, "SOURCES_TABLE", "the name of the DynamoDB table of sources")
    return SourcesTable(segments_table().client, name)
