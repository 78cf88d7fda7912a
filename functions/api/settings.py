"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(RuntimeError):
    """The environment lacks something that the function needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The API function's settings."""

    segments_table: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            SettingsError: if a variable is missing or empty.
        """
        table = environment.get("SEGMENTS_TABLE", "").strip()
        if not table:
            raise SettingsError("SEGMENTS_TABLE is not set; it must name the DynamoDB table of the counts")
        return cls(segments_table=table)
