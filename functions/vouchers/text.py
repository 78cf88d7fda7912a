"""What others wrote, as sentences and log lines can hold it: short, in one line, and always encodable."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from unicodedata import normalize

ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
"""Characters without a width, and the byte order mark, as ``str.translate`` removes them."""

LENGTH = 60
"""Characters of a text that a sentence repeats."""

MAX_NAMED = 5
"""Names that a sentence lists."""


def truncate(text: str, limit: int = LENGTH) -> str:
    """Return ``text`` cut to its first characters, with ``?`` for each that cannot be printed."""
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else "?" for character in shown)
    return f"{shown}…" if len(text) > limit else shown


def list_names(names: Sequence[str], limit: int = MAX_NAMED, form: Callable[[str], str] = truncate) -> str:
    """Return the first names, each in the form that ``form`` gives it, and how many more there are."""
    more = len(names) - limit
    first = ", ".join(map(form, names[:limit]))
    return f"{first} and {more} more" if more > 0 else first


@lru_cache(1024)
def country_name(name: str) -> str:
    """Return a country's name in Unicode's form NFC, with single blanks and without zero-width characters."""
    return " ".join(normalize("NFC", name.translate(ZERO_WIDTH)).split())


@lru_cache(1024)
def country_key(name: str) -> str:
    """Return what all spellings of a country's name share."""
    return country_name(name).casefold()
