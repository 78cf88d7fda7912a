"""What the function is told by its environment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
