"""The ingest function's settings, from its environment."""

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from ingest.counting.as_of import AsOf
from ingest.parquet.column_names import ColumnMapping
from vouchers.keys import PREFIX
from vouchers.settings import SettingsError, required


@dataclass(frozen=True, slots=True)
class Settings:
    """The ingest function's settings: names of AWS resources, and defaults for objects.

    ``uploads_bucket`` contains the objects to count, under ``uploads_prefix``. ``recency_as_of`` is the rule
    for the as-of date, and ``column_names`` maps columns. ``rows_database`` is the Glue database of the
    segmented rows; None if they are not kept. ``max_rows`` limits the rows of a file; None for no limit.
    ``event_bus`` is the event bus to tell what became of a source; None to tell nobody.
    """

    segments_table: str
    sources_table: str
    uploads_bucket: str
    results_bucket: str
    recency_as_of: AsOf
    column_names: ColumnMapping
    rows_database: str | None = None
    max_rows: int | None = None
    uploads_prefix: str = PREFIX
    event_bus: str | None = None


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: if a variable is missing, ``RECENCY_AS_OF`` is not `upload`, `row` or a past date,
            ``MAX_ROWS_PER_FILE`` is not a number, or ``COLUMN_NAMES`` is not a mapping.
    """
    max_rows = environment.get("MAX_ROWS_PER_FILE", "").strip() or "0"
    if not max_rows.isdecimal():
        raise SettingsError("MAX_ROWS_PER_FILE", max_rows, "a number of rows, or 0 for no limit")
    as_of = environment.get("RECENCY_AS_OF", "").strip() or "upload"
    try:
        recency_as_of = AsOf.parse(as_of, datetime.now(UTC))
    except ValueError:
        raise SettingsError(
            "RECENCY_AS_OF", as_of, "upload, row, or a past date such as 2018-08-05"
        ) from None
    columns = environment.get("COLUMN_NAMES", "")
    try:
        column_names = ColumnMapping.parse(columns)
    except ValueError:
        raise SettingsError("COLUMN_NAMES", columns, "pairs such as country_code=country") from None
    return Settings(
        required(environment, "SEGMENTS_TABLE", "the name of the DynamoDB table of counts"),
        required(environment, "SOURCES_TABLE", "the name of the DynamoDB table of sources"),
        required(environment, "UPLOADS_BUCKET", "the name of the S3 bucket for uploads"),
        required(environment, "RESULTS_BUCKET", "the name of the S3 bucket for results"),
        recency_as_of,
        column_names,
        environment.get("ROWS_DATABASE", "").strip() or None,
        int(max_rows) or None,
        environment.get("UPLOADS_PREFIX", "").strip() or PREFIX,
        environment.get("EVENT_BUS", "").strip() or None,
    )


USABLE = 0.9
"""The part of the function's memory that data may take; code and stacks are in the rest."""


@cache
def limit_memory() -> None:
    """Make allocations beyond the function's memory raise ``MemoryError``, which counting reports.

    Without this limit, Lambda would end the process without a message.
    """
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    if megabytes:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(int(megabytes) * USABLE) << 20, hard))
