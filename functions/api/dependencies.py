"""What the function is told by its environment."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.session import get_session

from api.cached_table import TTLCache
from vouchers.dynamodb.segments_table import SegmentsTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from vouchers.dynamodb.sources_table import SourcesTable


class SettingsError(RuntimeError):
    """The environment lacks something that the function needs, or has nonsense; the message says what."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The API function's settings.

    Attributes:
        segments_table: the DynamoDB table of the counts.
        answer_cache_seconds: how old counts may be that a voucher is chosen by; 0 reads them every time.
        sources_table: the DynamoDB table of the sources; only their routes need it.
    """

    segments_table: str
    answer_cache_seconds: float = 0
    sources_table: str = ""

    @property
    def required_sources_table(self) -> str:
        """The DynamoDB table of the sources.

        Raises:
            SettingsError: if it is not named.
        """
        if not self.sources_table:
            raise SettingsError("SOURCES_TABLE is not set; it must name the DynamoDB table of the sources")
        return self.sources_table

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            SettingsError: if the table is not named, or the seconds are no number from 0 up.
        """
        table = environment.get("SEGMENTS_TABLE", "").strip()
        if not table:
            raise SettingsError("SEGMENTS_TABLE is not set; it must name the DynamoDB table of the counts")
        seconds = _seconds(environment.get("ANSWER_CACHE_SECONDS", "").strip() or "0")
        return cls(table, seconds, environment.get("SOURCES_TABLE", "").strip())


def _seconds(written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"ANSWER_CACHE_SECONDS is {written!r}; it must be a number of seconds from 0 up")
    return seconds


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
        api.dependencies.SettingsError: if the environment does not name it.
    """
    settings = _settings()
    return SegmentsTable(_client(), settings.segments_table)


@cache
def sources_table() -> SourcesTable:
    """Return the table of the sources.

    Raises:
        api.dependencies.SettingsError: if the environment does not name it.
    """
    from vouchers.dynamodb.sources_table import SourcesTable  # noqa: PLC0415 (only the sources' routes need it)

    return SourcesTable(segments_table().client, _settings().required_sources_table)


@cache
def memory() -> TTLCache:
    """Return what remembers the counts that were read lately.

    Raises:
        api.dependencies.SettingsError: if the environment does not say for how long.
    """
    return TTLCache(_settings().answer_cache_seconds)


def _settings() -> Settings:
    return Settings.from_environment(os.environ)


def _client() -> DynamoDBClient:
    # botocore's own session makes the same client as boto3's, without importing S3's transfer manager.
    return cast("DynamoDBClient", get_session().create_client("dynamodb", config=CONFIG))
