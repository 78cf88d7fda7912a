"""Values that callers sent, as messages repeat them."""

from __future__ import annotations

import json

from vouchers.text import truncate


def format_value(value: object) -> str:
    """Return a value from JSON as a message shows it."""
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return truncate(json.dumps(value, ensure_ascii=False))
