"""Names of the partitions of segmented rows, a source and a country, that S3, Glue and Athena accept."""

import hashlib
import re
from urllib.parse import quote, unquote

TABLE = "voucher_selector"
"""The table of the segmented rows, and its folder in the results bucket."""

SOURCE, COUNTRY = "source", "country"
"""The partition keys."""

MAX_SOURCE_BYTES, MAX_COUNTRY_BYTES = 600, 250
"""Bytes of both, percent-encoded, in the key of an object: with the rest of the key they fit S3's 1,024."""

_SIMPLIFIED = re.compile(r"(?<=/)(/|\.{1,2}(?=/|$))|/$")
"""Parts of a key that a path would lose: an empty part, and one or two dots."""


def source_partition(key: str) -> str:
    """Return the partition of a source: its key, percent-encoded except ``/`` and ``=``; a digest if long."""
    encoded = _SIMPLIFIED.sub(lambda part: "".join(f"%{ord(c):02X}" for c in part[0]), quote(key, safe="/="))
    return encoded if len(encoded) <= MAX_SOURCE_BYTES else hashlib.sha256(key.encode()).hexdigest()


def source_prefix(prefix: str) -> str:
    """Return the beginning of the partitions of the sources whose keys begin with ``prefix``."""
    return source_partition(f"{prefix}x")[:-1]


def country_partition(country: str) -> str:
    """Return the partition of a country, given its key: the key, or a digest if it is long or unprintable."""
    if country.isprintable() and len(encoded(country)) <= MAX_COUNTRY_BYTES:
        return country
    return hashlib.sha256(country.encode()).hexdigest()


def encoded(partition: str) -> str:
    """Return a country's partition as in the keys of its objects."""
    return quote(partition, safe="")


def decoded(name: str) -> str:
    """Return the country's partition or the source's key that a name encodes; a digest stays a digest."""
    return unquote(name)
