"""Texts, dates, timestamps and numbers → instants and numbers, each with the state it is in.

What becomes of a value depends on the value alone. A column without dirt takes the first route of each
function, one cast; only where that fails are the readable values told from the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.arrow import is_text, validity, values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

READABLE, NULL, EMPTY, UNREADABLE = range(4)
"""States of a value; EMPTY is a text of nothing but blanks."""

DAY = 86_400_000_000
"""Microseconds."""

MAX_INSTANT = 4 * 10**18
"""Microseconds from 1970 at which typed instants are held, so that their differences fit 64 bits."""

YEAR_ONE = -62_135_596_800_000_000
"""Microseconds from 1970 to the year 1, the first that a text may name."""

_CLOCK = r"([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?"
_ZONE = r"(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_DAY_OF_ANY_YEAR = r"((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
_LEAP_YEAR = r"(\d{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_INSTANT = rf"^(\d{{4}}-{_DAY_OF_ANY_YEAR}|{_LEAP_YEAR}-02-29)([ T]{_CLOCK}{_ZONE}?)?$"
_ZONED = rf"[ T][\d:.]+{_ZONE}$"
_BELOW_MICROSECONDS = r"(\.\d{6})\d+"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_PROBED = 1_000
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


class Parsed(NamedTuple):
    """Values (int64 microseconds since 1970 UTC; integers or finite float64), the state of each (uint8)."""

    values: NDArray[Any]
    states: NDArray[np.uint8]


def instants(array: pa.Array) -> Parsed:
    """Read texts, dates and timestamps as microseconds since 1970 UTC; without a zone they are UTC."""
    if pa.types.is_null(array.type):
        return Parsed(np.zeros(len(array), np.int64), _states(array))
    if not is_text(array.type):
        return Parsed(_microseconds(array), _states(array))
    try:
        texts = array.cast(pa.string())
        zone = "UTC" if _has_zone(texts) else None
        return _from_year_one(texts.cast(pa.timestamp("us", zone)), _states(array))
    except pa.ArrowInvalid:
        return _sorted_out_instants(array)


def numbers(array: pa.Array) -> Parsed:
    """Read integers as they are, texts, floats and decimals as float64; NaN and infinities are unreadable."""
    if pa.types.is_null(array.type):
        return Parsed(np.zeros(len(array)), _states(array))
    if pa.types.is_signed_integer(array.type):
        return Parsed(values_of(array, np.dtype(str(array.type))), _states(array))
    if not is_text(array.type):
        return _finite(array.cast(pa.float64(), safe=False), _states(array))
    try:
        texts = array.cast(pa.string())
        empty = _empty(texts)
        return _finite(_without(texts, empty).cast(pa.float64()), _states(array, empty))
    except pa.ArrowInvalid:
        return _sorted_out_numbers(array)


def cleaned(array: pa.Array) -> pa.Array:
    """Return texts without blanks around them."""
    return pc.utf8_trim_whitespace(decoded(array))


def decoded(array: pa.Array) -> pa.Array:
    """Return texts, or bytes, as texts; what is no UTF-8 in them becomes a replacement character."""
    try:
        texts = array.cast(pa.string())
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = array.cast(pa.binary()).to_pylist()
        return pa.array([None if b is None else b.decode("utf-8", "replace") for b in raw], pa.string())
    return texts


def _states(array: pa.Array, empty: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    there = validity(array)
    states = np.zeros(len(array), np.uint8) if there is None else (~there).view(np.uint8)  # NULL is 1
    if empty is not None:
        states[empty & (states == READABLE)] = EMPTY
    return states


def _has_zone(texts: pa.Array) -> bool:
    """Say whether the first text has a zone, since a cast that fails takes thirty times as long as others."""
    first = pc.drop_null(texts[:_PROBED])[:1]
    try:
        first.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return True
    return False


def _empty(texts: pa.Array) -> NDArray[np.bool_]:
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    empty: NDArray[np.bool_] = np.diff(offsets) == 0
    return empty


def _without(texts: pa.Array, left_out: NDArray[np.bool_]) -> pa.Array:
    """Return texts with nulls for some; pyarrow's own functions import pandas to be told what a null is."""
    there = np.zeros(texts.offset + len(texts), np.bool_)
    there[texts.offset :] = ~left_out
    validity = pa.py_buffer(np.packbits(there, bitorder="little"))
    buffers = [validity, *texts.buffers()[1:]]
    return pa.Array.from_buffers(texts.type, len(texts), buffers, offset=texts.offset)


def _microseconds(array: pa.Array) -> NDArray[np.int64]:
    if pa.types.is_date32(array.type):
        return _scaled(values_of(array, np.int32).astype(np.int64), DAY)
    unit = "ms" if pa.types.is_date64(array.type) else array.type.unit
    if unit == "ns":
        raw: NDArray[np.int64] = values_of(array, np.int64)
        return raw // 1_000
    return _scaled(values_of(array, np.int64), _MICROSECONDS[unit])


def _scaled(raw: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
    if factor == 1:
        return raw
    return np.clip(raw, -MAX_INSTANT // factor, MAX_INSTANT // factor) * np.int64(factor)


def _from_year_one(instants: pa.Array, states: NDArray[np.uint8]) -> Parsed:
    values = values_of(instants, np.int64)
    if values.min(initial=YEAR_ONE) < YEAR_ONE:
        states[(values < YEAR_ONE) & (states == READABLE)] = UNREADABLE
    return Parsed(values, states)


def _finite(floats: pa.Array, states: NDArray[np.uint8]) -> Parsed:
    values = values_of(floats, np.float64)
    if len(values) and not np.isfinite([values.min(), values.max()]).all():
        finite = np.isfinite(values)
        states[~finite & (states == READABLE)] = UNREADABLE
        values = np.where(finite, values, 0)
    return Parsed(values, states)


def _sorted_out_instants(array: pa.Array) -> Parsed:
    texts = cleaned(array)
    readable = pc.match_substring_regex(texts, _INSTANT)
    zoned = pc.match_substring_regex(texts, _ZONED)
    exact = pc.replace_substring_regex(texts, _BELOW_MICROSECONDS, r"\1")
    local = pc.if_else(pc.and_not(readable, zoned), exact, _no_text()).cast(pa.timestamp("us"))
    world = pc.if_else(pc.and_(readable, zoned), exact, _no_text()).cast(pa.timestamp("us", "UTC"))
    merged = pc.coalesce(local, world.cast(pa.timestamp("us")))
    return _from_year_one(merged, _sorted_out_states(texts, merged))


def _no_text() -> pa.Scalar:
    """Return a null; pyarrow would import pandas to make one of None."""
    return pa.nulls(1, pa.string())[0]


def _sorted_out_numbers(array: pa.Array) -> Parsed:
    texts = cleaned(array)
    readable = pc.match_substring_regex(texts, _NUMBER)
    floats = pc.if_else(readable, texts, _no_text()).cast(pa.float64())
    return _finite(floats, _sorted_out_states(texts, floats, _empty(texts)))


def _sorted_out_states(
    texts: pa.Array, read: pa.Array, empty: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    states = _states(texts, empty)
    there = validity(read)
    if there is not None:
        states[~there & (states == READABLE)] = UNREADABLE
    return states
