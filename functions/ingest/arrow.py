"""Arrow columns as numpy arrays and back, without copies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

_TEXT_TYPES = {
    pa.string().id,
    pa.large_string().id,
    pa.string_view().id,
    pa.binary().id,
    pa.large_binary().id,
    pa.binary_view().id,
}


def values(array: pa.Array, dtype: DTypeLike) -> NDArray[Any]:
    """Return the values of a column; the value of a null is undefined."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def validity(array: pa.Array) -> NDArray[np.bool_] | None:
    """Return which entries are not null; None if there is no null."""
    if array.null_count == 0:
        return None
    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.bool_)
    packed = np.frombuffer(array.buffers()[0], np.uint8)
    bits = np.unpackbits(packed, bitorder="little", count=array.offset + len(array))
    return bits[array.offset :].view(np.bool_)


def indices(array: pa.DictionaryArray) -> NDArray[np.unsignedinteger[Any]]:
    """Return the index of each value in the dictionary; that of a null may be any number.

    Raises:
        pa.ArrowIndexError: if a value is not in the dictionary.
    """
    raw, entries = values(array.indices, f"u{array.indices.type.bit_width // 8}"), len(array.dictionary)
    if raw.max(initial=0) >= entries:
        valid = validity(array.indices)
        if ((raw if valid is None else raw[valid]) >= entries).any():
            raise pa.ArrowIndexError("a value is not in its dictionary")
    return raw


def take(table: NDArray[Any], rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return ``table[rows]``; no row may be outside the table."""
    # Without nulls and bounds checks, Arrow takes a third of the time that numpy takes.
    return values(pc.take(from_numpy(table), from_numpy(rows), boundscheck=False), table.dtype)


def from_numpy(
    array: NDArray[Any], valid: NDArray[np.bool_] | None = None, dtype: pa.DataType | None = None
) -> pa.Array:
    """Return an array as a column of an Arrow type; entries that are not ``valid`` are null."""
    mask = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        dtype or pa.from_numpy_dtype(array.dtype), len(array), [mask, pa.py_buffer(array)]
    )


def from_texts(texts: Sequence[str]) -> pa.Array:
    """Return texts as a column; ``pa.array`` would import pandas."""
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def is_text(type_: pa.DataType) -> bool:
    """Return whether a type is that of texts, or of bytes that may be texts."""
    return type_.id in _TEXT_TYPES
