"""What others wrote, as sentences and log lines can hold it: short, in one line, and always encodable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LENGTH = 60
"""How many characters are repeated."""


def truncate(text: str, most: int = LENGTH) -> str:
    """Return ``text`` cut to its first characters, with ``?`` for each that cannot be printed."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:most])
    return f"{shown}…" if len(text) > most else shown


def listed(names: Sequence[str], most: int, shown: Callable[[str], str] = truncate) -> str:
    """Return the first names, each as ``shown`` says, and how many more there are."""
    more = len(names) - most
    first = ", ".join(map(shown, names[:most]))
    return f"{first} and {more} more" if more > 0 else first


def country_key(name: str) -> str:
    """Return what all spellings of a country's name share: no blanks around it, no regard to case."""
    return name.strip().casefold()
