"""The ingest function's settings, from its environment."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ingest.counting.as_of import AsOf
from vouchers.settings import SettingsError, required

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """The ingest function's settings.

    Attributes:
        segments_table: name of the DynamoDB table of counts.
        sources_table: name of the DynamoDB table of sources.
        uploads_bucket: name of the S3 bucket whose objects are counted.
        results_bucket: name of the S3 bucket for results.
        recency_as_of: the time to measure recency to, unless an object names its own.
        rows_database: Glue database of the segmented rows; None if they are not kept.
    """

    segments_table: str
    sources_table: str
    uploads_bucket: str
    results_bucket: str
    recency_as_of: AsOf
    rows_database: str | None = None


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: if a variable is missing, or ``RECENCY_AS_OF`` is not `upload`, `row` or a date.
    """
    as_of = environment.get("RECENCY_AS_OF", "").strip() or "upload"
    try:
        recency_as_of = AsOf.parse(as_of)
    except ValueError:
        raise SettingsError("RECENCY_AS_OF", as_of, "upload, row, or a date such as 2018-08-05") from None
    return Settings(
        required(environment, "SEGMENTS_TABLE", "the name of the DynamoDB table of counts"),
        required(environment, "SOURCES_TABLE", "the name of the DynamoDB table of sources"),
        required(environment, "UPLOADS_BUCKET", "the name of the S3 bucket for uploads"),
        required(environment, "RESULTS_BUCKET", "the name of the S3 bucket for results"),
        recency_as_of,
        environment.get("ROWS_DATABASE", "").strip() or None,
    )


USABLE = 0.9
"""The part of the function's memory that data may take; code and stacks are in the rest."""


@cache
def limit_memory() -> None:
    """Let an allocation that does not fit in the function's memory fail, once for the life of the process.

    What a file makes Arrow allocate cannot always be told beforehand. Where it is too much, a ``MemoryError``
    becomes a sentence about the file; without the limit Lambda would end the process, and say nothing of it.
    """
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    if megabytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(int(megabytes) * USABLE) << 20, most))
