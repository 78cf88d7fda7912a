"""What callers wrote, made safe to repeat in messages and log lines: clipped, and always encodable."""

from __future__ import annotations

import json

LENGTH = 60
"""How many characters are repeated."""


def clipped(text: str) -> str:
    """Return ``text`` cut to its first characters, with ``?`` for what UTF-8 cannot say."""
    short = text if len(text) <= LENGTH else text[:LENGTH] + "…"
    return short.encode(errors="replace").decode()


def shown(value: object) -> str:
    """Return a value from JSON as a message shows it."""
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return clipped(json.dumps(value, ensure_ascii=False))
