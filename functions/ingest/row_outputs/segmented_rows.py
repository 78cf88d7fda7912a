"""Batches and their codes → the rows that count, as counting sees them, each with the ranges it lies in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ingest import arrow
from ingest.counting.dimensions import rejected_rows
from ingest.counting.encoding import Column, of_rows
from ingest.counting.parsing import READABLE, instants, numbers
from ingest.parquet import reader as columns
from ingest.storage.partition_names import COUNTRY, SOURCE, country_partition, encoded
from vouchers.counts import NO_VOUCHER
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.counting.dimensions import Dimensions
    from ingest.counting.encoding import Codes
    from vouchers.segments import Definitions, Range, Segment

AS_OF = "as_of"
TEXT = pa.dictionary(pa.int32(), pa.string())
INSTANT = pa.timestamp("us", "UTC")
VALUES: list[tuple[str, pa.DataType]] = [
    (columns.COUNTRY, TEXT),
    (columns.LAST_ORDER, INSTANT),
    (columns.FIRST_ORDER, INSTANT),
    (columns.TIMESTAMP, INSTANT),
    (columns.ORDERS, pa.float64()),
    (columns.AMOUNT, pa.float64()),
    (AS_OF, INSTANT),
]
"""The columns before those of the segments."""

MAX_COLUMN_NAME = 200
"""Letters of a column's name; Glue's end at 255."""


def segment_columns(definitions: Definitions) -> list[str]:
    """Return the name of each segment's column: its own in small letters, digits and ``_``, as Athena wants.

    Where that is the name of another column it ends in a number.
    """
    taken, names = {COUNTRY, SOURCE, *(name for name, _ in VALUES)}, list[str]()
    for segment in definitions.segments:
        plain = re.sub(r"[^a-z0-9_]", "_", segment.name.lower())[:MAX_COLUMN_NAME]
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        names.append(name)
    return names


def schema(definitions: Definitions) -> pa.Schema:
    """Return the columns of the rows: the folder of the country's partition, the values, the segments'."""
    return pa.schema([(COUNTRY, TEXT), *VALUES, *((name, TEXT) for name in segment_columns(definitions))])


def range_name(held: Range) -> str:
    """Return a range as the rows name it."""
    return f"{held.min}-{held.max}"


def counted_rows(
    batch: pa.RecordBatch,
    codes: Sequence[Codes],
    dimensions: Dimensions,
    definitions: Definitions,
    as_of: int | None,
) -> pa.RecordBatch:
    """Return the rows of a batch that count, with the columns of ``schema``.

    Args:
        batch: with the columns that counting reads, and ``count.KEPT`` where there are any.
        codes: those of the batch along each axis.
        dimensions: that made the codes.
        definitions: the segments.
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
    """
    batch, held = _kept(batch, codes, dimensions)
    country, names = held[0].astype(np.intp) - dimensions.country.first, dimensions.country.names
    moments = [
        _instants(batch, name) for name in (columns.LAST_ORDER, columns.FIRST_ORDER, columns.TIMESTAMP)
    ]
    until = moments[-1] if as_of is None else _moment(as_of, batch.num_rows)
    arrays = [
        _partitions(country, names),
        _named(country, names),
        *moments,
        _orders(batch),
        arrow.from_numpy(_amounts(dimensions)[held[3]]),
        until,
        *(_ranges(segment, held, dimensions) for segment in definitions.segments),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(definitions))


def _kept(
    batch: pa.RecordBatch, codes: Sequence[Codes], dimensions: Dimensions
) -> tuple[pa.RecordBatch, list[NDArray[Any]]]:
    """Return the rows that are not rejected, and their codes along each axis."""
    rejected, _ = rejected_rows(codes, dimensions.reasons)
    held: list[NDArray[Any]] = [column.of_rows() for column in codes]
    if not len(rejected):
        return batch, held
    kept = np.delete(np.arange(batch.num_rows), rejected)
    return batch.take(arrow.from_numpy(kept)), [column[kept] for column in held]


def _partitions(country: NDArray[np.intp], names: Sequence[str]) -> pa.DictionaryArray:
    folders = [encoded(country_partition(country_key(name))) for name in names]
    places = {folder: place for place, folder in enumerate(dict.fromkeys(folders))}
    return _named(np.array([places[folder] for folder in folders], np.intp)[country], [*places])


def _named(places: NDArray[Any], names: Sequence[str]) -> pa.DictionaryArray:
    """Return the name at each place; null where that is below 0."""
    there = places >= 0
    whole = places.astype(np.int32)
    mask = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    indices = pa.Array.from_buffers(pa.int32(), len(whole), [mask, pa.py_buffer(whole)])
    return pa.DictionaryArray.from_arrays(indices, arrow.from_texts(names))


def _instants(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column as instants; what is none there, or where there is no column, is null."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, INSTANT)
    parsed = of_rows(*Column(instants).read(batch.column(name)))
    there = parsed.states == READABLE
    mask = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(
        INSTANT, len(there), [mask, pa.py_buffer(np.ascontiguousarray(parsed.values))]
    )


def _orders(batch: pa.RecordBatch) -> pa.Array:
    parsed = of_rows(*Column(numbers).read(batch.column(columns.ORDERS)))
    return arrow.from_numpy(np.where(parsed.states == READABLE, parsed.values, 0).astype(np.float64))


def _amounts(dimensions: Dimensions) -> NDArray[np.float64]:
    """Return the amount of each code; those below the first are no voucher, or reject their rows."""
    return np.array([*[NO_VOUCHER] * dimensions.amount.first, *dimensions.amount.amounts], np.float64)


def _moment(instant: int, rows: int) -> pa.Array:
    return pa.Array.from_buffers(INSTANT, rows, [None, pa.py_buffer(np.full(rows, instant, np.int64))])


def _ranges(segment: Segment, held: Sequence[NDArray[Any]], dimensions: Dimensions) -> pa.DictionaryArray:
    return _named(dimensions.ranges(segment, held), [*map(range_name, segment.all_ranges)])


def athena_types(definitions: Definitions) -> dict[str, str]:
    """Return the Athena type of each column that the files have, by name."""
    kinds = {TEXT: "string", INSTANT: "timestamp", pa.float64(): "double"}
    return {field.name: kinds[field.type] for field in schema(definitions) if field.name != COUNTRY}
