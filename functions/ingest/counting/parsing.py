"""Read texts, dates, timestamps and numbers as instants and numbers, with the state of each value.

The result of a value depends on that value alone. A clean column takes one cast. Only if the cast fails, the
readable values are separated from the others.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest import arrow
from vouchers.timestamps import TIMESTAMP_PATTERN

READABLE, NULL, EMPTY, UNREADABLE = range(4)
"""States of a value; EMPTY is a text of blanks only."""

DAY = 86_400_000_000
"""Microseconds."""

MAX_INSTANT = 4 * 10**18
"""Microseconds from 1970 to which typed instants are clipped, so that their differences fit 64 bits."""

YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
"""Microseconds from 1970: the first moment that a text may name, and the first after the last."""

MAX_EXACT, MAX_EXACT_POWER = 2**53, 22
"""The integer up to which float64 has all integers, and the exponent up to which it has the powers of ten."""

_PARTS = r"^(\d{4})-?(\d\d)-?(\d\d)([ T][\d:]+(?:\.\d{1,6})?)?\d* ?(?:Z|UTC)?([+-][\d:]+)?(?:\[UTC\])?$"
_NEEDS_REWRITING = r"^\d{8}$|\.\d{7}|\d ?[Z\[U]|\d [+-]"
_OFFSET = r"[ T].*[+-]"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MICROSECONDS = {"D": DAY, "s": 1_000_000, "ms": 1_000, "us": 1}
_MAX_PROBED = 1_000


class Parsed(NamedTuple):
    """The state (uint8) of each value, and values: int64 microseconds since 1970 UTC, or finite numbers."""

    values: NDArray[Any]
    states: NDArray[np.uint8]


def instants(array: pa.Array) -> Parsed:
    """Read texts, dates and timestamps as microseconds since 1970 UTC, by default in UTC; NaT is null."""
    if pa.types.is_null(array.type):
        return Parsed(np.zeros(len(array), np.int64), _states(array))
    if not arrow.is_text(array.type):
        return _typed_instants(array)
    try:
        texts = array.cast(pa.string())
        zone = "UTC" if _has_zone(texts) else None
        return _within_years(texts.cast(pa.timestamp("us", zone)), _states(array))
    except pa.ArrowInvalid:
        texts = cleaned(array)
    null = pa.nulls(1, pa.string())[0]  # pyarrow would import pandas to make it of None
    # Arrow casts a subset of the grammar: bring the texts that match into the form that it reads.
    matching = pc.if_else(pc.match_substring_regex(texts, f"^{TIMESTAMP_PATTERN}$"), texts, null)
    upper = pc.replace_substring(pc.ascii_upper(matching), ",", ".")
    # Rewriting takes most of the time, and few columns need it.
    rewrite = pc.any(pc.match_substring_regex(upper, _NEEDS_REWRITING)).as_py()
    iso = pc.replace_substring_regex(upper, _PARTS, r"\1-\2-\3\4\5") if rewrite else upper
    offset = pc.match_substring_regex(iso, _OFFSET)
    local = pc.if_else(offset, null, iso).cast(pa.timestamp("us"))
    zoned = pc.if_else(offset, iso, null).cast(pa.timestamp("us", "UTC"))
    merged = pc.coalesce(local, zoned.cast(pa.timestamp("us")))
    return _within_years(merged, _states(texts, parsed=merged))


def numbers(array: pa.Array) -> Parsed:
    """Read integers unchanged, others as float64; NaN is null, infinities and "nan" are unreadable."""
    if pa.types.is_null(array.type):
        return Parsed(np.zeros(len(array)), _states(array))
    if pa.types.is_signed_integer(array.type):
        return Parsed(arrow.values(array, np.dtype(str(array.type))), _states(array))
    if pa.types.is_decimal(array.type):
        return _finite(_decimals(array), _states(array))
    if not arrow.is_text(array.type):
        return _finite(array.cast(pa.float64(), safe=False), _states(array), nan=NULL)
    try:
        texts = array.cast(pa.string())
        empty = _empty(texts)
        # pyarrow's own functions import pandas to replace texts by nulls; this sets the bitmap instead.
        valid = np.zeros(texts.offset + len(texts), np.bool_)
        valid[texts.offset :] = ~empty
        buffers = [pa.py_buffer(np.packbits(valid, bitorder="little")), *texts.buffers()[1:]]
        filled = pa.Array.from_buffers(texts.type, len(texts), buffers, offset=texts.offset)
        return _finite(filled.cast(pa.float64()), _states(array, empty))
    except pa.ArrowInvalid:
        texts = cleaned(array)
    null = pa.nulls(1, pa.string())[0]
    floats = pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, null).cast(pa.float64())
    return _finite(floats, _states(texts, _empty(texts), floats))


def cleaned(array: pa.Array) -> pa.Array:
    """Return texts without blanks around them."""
    return pc.utf8_trim_whitespace(decoded(array))


def decoded(array: pa.Array) -> pa.Array:
    """Return texts or bytes as texts; bytes that are not UTF-8 become replacement characters."""
    try:
        texts = array.cast(pa.string())
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = array.cast(pa.binary()).to_pylist()
        return pa.array([None if b is None else b.decode("utf-8", "replace") for b in raw], pa.string())
    return texts


def _states(
    array: pa.Array, empty: NDArray[np.bool_] | None = None, parsed: pa.Array | None = None
) -> NDArray[np.uint8]:
    """Return the state of each value; a value that is null in ``parsed`` only is unreadable."""
    valid = arrow.validity(array)
    states = np.zeros(len(array), np.uint8) if valid is None else (~valid).view(np.uint8)  # NULL is 1
    if empty is not None:
        states[empty & (states == READABLE)] = EMPTY
    if parsed is not None and (readable := arrow.validity(parsed)) is not None:
        states[~readable & (states == READABLE)] = UNREADABLE
    return states


def _has_zone(texts: pa.Array) -> bool:
    """Return whether the first text has a zone; a cast that fails would take thirty times as long."""
    first = pc.drop_null(texts[:_MAX_PROBED])[:1]
    try:
        first.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return True
    return False


def _empty(texts: pa.Array) -> NDArray[np.bool_]:
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    empty: NDArray[np.bool_] = np.diff(offsets) == 0
    return empty


def _typed_instants(array: pa.Array) -> Parsed:
    """Read dates and timestamps; the lowest integer is NaT, which some writers do not mark as null."""
    is_days = pa.types.is_date32(array.type)
    raw = arrow.values(array, np.int32 if is_days else np.int64)
    states, lowest = _states(array), np.iinfo(raw.dtype).min
    low, high = raw.min(initial=0), raw.max(initial=0)
    if low == lowest:
        states[raw == lowest] = NULL
    unit = "D" if is_days else "ms" if pa.types.is_date64(array.type) else array.type.unit
    if unit == "ns":
        return Parsed(raw // 1_000, states)
    factor = _MICROSECONDS[unit]
    farthest = MAX_INSTANT // factor
    if low < -farthest or high > farthest:
        raw = np.clip(raw.astype(np.int64), -farthest, farthest)
    return Parsed(raw if factor == 1 else raw * np.int64(factor), states)


def _decimals(array: pa.Array) -> pa.Array:
    """Return the float64 nearest to each decimal; Arrow's cast returns others, such as for 0.57."""
    bits, scale = array.type.bit_width, array.type.scale
    words = np.frombuffer(array.buffers()[1], f"i{min(bits, 64) // 8}").reshape(-1, -(-bits // 64))
    low, *high = words[array.offset : array.offset + len(array)].T
    largest = max(abs(int(low.min(initial=0))), int(low.max(initial=0)))
    if (
        0 <= scale <= MAX_EXACT_POWER
        and largest <= MAX_EXACT
        and all((low >> 63 == word).all() for word in high)
    ):
        # Both are exact, so their quotient is rounded once.
        return arrow.from_numpy(low / 10.0**scale)
    return array.cast(pa.string()).cast(pa.float64())


def _within_years(instants: pa.Array, states: NDArray[np.uint8]) -> Parsed:
    """Mark moments outside the years 1 to 9999 as unreadable; an offset can lead to them."""
    values = arrow.values(instants, np.int64)
    if values.min(initial=YEAR_1) < YEAR_1 or values.max(initial=YEAR_1) >= YEAR_10000:
        states[((values < YEAR_1) | (values >= YEAR_10000)) & (states == READABLE)] = UNREADABLE
    return Parsed(values, states)


def _finite(floats: pa.Array, states: NDArray[np.uint8], *, nan: int = UNREADABLE) -> Parsed:
    """Mark infinities as unreadable, and NaN as ``nan``: a text such as "nan" is not a number."""
    values = arrow.values(floats, np.float64)
    if len(values) and not np.isfinite([values.min(), values.max()]).all():
        finite = np.isfinite(values)
        states[np.isnan(values) & (states == READABLE)] = nan
        states[~finite & (states == READABLE)] = UNREADABLE
        values = np.where(finite, values, 0)
    return Parsed(values, states)
