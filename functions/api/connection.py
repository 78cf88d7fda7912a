"""The process's one connection to DynamoDB, made when it is first needed and kept alive, and its memory."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.session import get_session

from api.recent import Memory
from api.settings import Settings
from vouchers.table import SegmentsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from vouchers.sources import SourcesTable

# Two tries of (1 + 3) s and the pause between them end before the function's timeout of 10 s does.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
    max_pool_connections=1,
)


@cache
def segments_table() -> SegmentsTable:
    """Return the table of the counts.

    Raises:
        api.settings.SettingsError: if the environment does not name it.
    """
    settings = _settings()
    return SegmentsTable(_client(), settings.segments_table)


@cache
def sources_table() -> SourcesTable:
    """Return the table of the sources.

    Raises:
        api.settings.SettingsError: if the environment does not name it.
    """
    from vouchers.sources import SourcesTable  # noqa: PLC0415 (only the sources' routes need it)

    return SourcesTable(segments_table().client, _settings().required_sources_table)


@cache
def memory() -> Memory:
    """Return what remembers the counts that were read lately.

    Raises:
        api.settings.SettingsError: if the environment does not say for how long.
    """
    return Memory(_settings().answer_cache_seconds)


def _settings() -> Settings:
    return Settings.from_environment(os.environ)


def _client() -> DynamoDBClient:
    # botocore's own session makes the same client as boto3's, without importing S3's transfer manager.
    return cast("DynamoDBClient", get_session().create_client("dynamodb", config=CONFIG))
