"""The measured handlers, and the request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENT = Path(__file__).parents[2] / "infra" / "events" / "voucher_amount.json"
"""The reference request as an API Gateway event."""

OURS = "api.handler.lambda_handler"
EMPTY = "benchmarks.serving.empty.lambda_handler"


@dataclass(frozen=True, slots=True)
class Variant:
    """A measured handler.

    Attributes:
        name: its name in the table.
        handler: its Lambda handler.
        cache_seconds: the stack's ``AnswerCacheSeconds``.
    """

    name: str
    handler: str
    cache_seconds: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """The function's environment, without the endpoint of AWS."""
        return {
            "ANSWER_CACHE_SECONDS": str(self.cache_seconds),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "POWERTOOLS_SERVICE_NAME": "api",
            "SEGMENTS_TABLE": "voucher_segments",
        }


VARIANTS = (
    Variant("empty handler", EMPTY),
    Variant("API function, from memory", OURS, cache_seconds=3600),
    Variant("API function, one GetItem", OURS),
)
"""The first is the baseline of the others."""


def event() -> dict[str, Any]:
    """Return the reference request."""
    read: dict[str, Any] = json.loads(EVENT.read_text())
    return read
