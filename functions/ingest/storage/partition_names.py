"""Sources and countries as partitions of the segmented rows: names that S3, Glue and Athena all take."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, unquote

TABLE = "voucher_selector"
"""The table of the segmented rows, and the folder of the results bucket that they are in."""

SOURCE, COUNTRY = "source", "country"
"""What the rows are partitioned by."""

MAX_SOURCE_BYTES, MAX_COUNTRY_BYTES = 600, 250
"""Bytes of both, percent-encoded, in the key of an object: with all else in it they fit S3's 1,024."""

_VANISHING = re.compile(r"(?<=/)(/|\.{1,2}(?=/|$))|/$")
"""What paths are simplified by, though keys are not: a part that is empty, or one or two dots."""


def source_partition(key: str) -> str:
    """Return a source's partition: its key, percent-encoded but for ``/`` and ``=``; a digest if long."""
    encoded = _VANISHING.sub(lambda part: "".join(f"%{ord(c):02X}" for c in part[0]), quote(key, safe="/="))
    return encoded if len(encoded) <= MAX_SOURCE_BYTES else _digest(key)


def source_prefix(prefix: str) -> str:
    """Return how the partitions of all sources begin whose keys begin with ``prefix``, but for digests."""
    return source_partition(f"{prefix}x")[:-1]


def source_of(partition: str) -> str:
    """Return the key of the source whose partition that is; of a digest, the digest."""
    return unquote(partition)


def country_partition(country: str) -> str:
    """Return the partition of a country, given its key: the key; of a long or unprintable one a digest."""
    return (
        country if country.isprintable() and len(encoded(country)) <= MAX_COUNTRY_BYTES else _digest(country)
    )


def encoded(partition: str) -> str:
    """Return a country's partition as the keys of its objects have it."""
    return quote(partition, safe="")


def decoded(name: str) -> str:
    """Return the partition that ``encoded`` made a name of."""
    return unquote(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
