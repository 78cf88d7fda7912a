"""The ingest function's settings, from its environment."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ingest.counting.as_of import AsOf

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """The function's environment lacks something or holds what cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of the tables and of the results bucket, and the as-of date where an object names none.

    ``rows_database`` is the Glue database in which segmented rows are listed; None where none are kept.
    """

    segments_table: str
    sources_table: str
    results_bucket: str
    recency_as_of: AsOf
    rows_database: str | None = None


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: if a variable is missing, or ``RECENCY_AS_OF`` is not `upload`, `row` or a date.
    """
    names = ("SEGMENTS_TABLE", "SOURCES_TABLE", "RESULTS_BUCKET")
    if missing := [name for name in names if not environment.get(name)]:
        raise SettingsError(f"the environment lacks {', '.join(missing)}; template.yaml sets them")
    segments, sources, results = (environment[name] for name in names)
    try:
        as_of = AsOf.parse(environment.get("RECENCY_AS_OF") or "upload")
    except ValueError as error:
        raise SettingsError(f"RECENCY_AS_OF is {error}") from None
    return Settings(segments, sources, results, as_of, environment.get("ROWS_DATABASE") or None)


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
