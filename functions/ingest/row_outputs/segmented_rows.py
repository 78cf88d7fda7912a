"""Make segmented rows: the counted rows of a batch, each with its range in each segment."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest import arrow
from ingest.counting.dimensions import Dimensions, rejected_rows
from ingest.counting.encoding import Column, EncodedColumn, take_parsed
from ingest.counting.parsing import DAY, READABLE, instants, numbers
from ingest.parquet import column_names
from ingest.storage.partition_names import COUNTRY, SOURCE, country_partition, encoded
from vouchers.counts import NO_VOUCHER
from vouchers.segments import Definitions
from vouchers.text import country_key

AS_OF = "as_of"
TEXT = pa.dictionary(pa.int32(), pa.string())
DATE = pa.date32()
VALUES: list[tuple[str, pa.DataType]] = [
    (column_names.COUNTRY, TEXT),
    (column_names.LAST_ORDER, DATE),
    (column_names.FIRST_ORDER, DATE),
    (column_names.TIMESTAMP, DATE),
    (column_names.ORDERS, pa.float64()),
    (column_names.AMOUNT, pa.float64()),
    (AS_OF, DATE),
]
"""The columns before the columns of the segments.

Moments become dates, since a moment to the microsecond can identify a customer. Ranges are of the moments.
"""

MAX_COLUMN_NAME = 200
"""Characters of a column's name: Glue's limit is 255."""


def segment_columns(definitions: Definitions) -> list[str]:
    """Return the column name of each segment: lower case letters, digits and ``_``, as Athena requires.

    A name that another column has gets a number.
    """
    taken, names = {COUNTRY, SOURCE, *(name for name, _ in VALUES)}, list[str]()
    for segment in definitions.segments:
        base = re.sub(r"[^a-z0-9_]", "_", segment.name.lower())[:MAX_COLUMN_NAME]
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        names.append(name)
    return names


def schema(definitions: Definitions) -> pa.Schema:
    """Return the columns of the rows: the partition of the country, the values and the segments."""
    return pa.schema([(COUNTRY, TEXT), *VALUES, *((name, TEXT) for name in segment_columns(definitions))])


def athena_types(definitions: Definitions) -> dict[str, str]:
    """Return the Athena type of each column of the files, by name."""
    types = {TEXT: "string", DATE: "date", pa.float64(): "double"}
    return {field.name: types[field.type] for field in schema(definitions) if field.name != COUNTRY}


def counted_rows(
    batch: pa.RecordBatch,
    columns: Sequence[EncodedColumn],
    dimensions: Dimensions,
    definitions: Definitions,
    as_of: int | None,
) -> pa.RecordBatch:
    """Return the counted rows of a batch, with the columns of ``schema``.

    Args:
        batch: with the columns that counting reads, and ``OPTIONAL_COLUMNS`` if the file has them.
        columns: the codes of the batch in each dimension.
        dimensions: of the codes.
        definitions: the segments.
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
    """
    rejected, _ = rejected_rows(columns, dimensions.reasons)
    codes: list[NDArray[Any]] = [column.of_rows() for column in columns]
    if len(rejected):
        kept = np.delete(np.arange(batch.num_rows), rejected)
        batch, codes = batch.take(arrow.from_numpy(kept)), [column[kept] for column in codes]
    country, names = codes[0].astype(np.intp) - dimensions.country.first, dimensions.country.names
    folders = [encoded(country_partition(country_key(name))) for name in names]
    distinct = {folder: index for index, folder in enumerate(dict.fromkeys(folders))}
    folder_of_country = np.array([distinct[folder] for folder in folders], np.intp)
    dates = [
        read_dates(batch, name)
        for name in (column_names.LAST_ORDER, column_names.FIRST_ORDER, column_names.TIMESTAMP)
    ]
    orders = take_parsed(*Column(numbers).read(batch.column(column_names.ORDERS)))
    order_numbers = np.where(orders.states == READABLE, orders.values, 0).astype(np.float64)
    # Codes below the first are a missing amount, or reject their rows.
    amounts = np.array([*[NO_VOUCHER] * dimensions.amount.first, *dimensions.amount.amounts], np.float64)
    as_of_dates = dates[-1]
    if as_of is not None:
        as_of_dates = arrow.from_numpy(np.full(batch.num_rows, as_of // DAY, np.int32), dtype=DATE)
    arrays = [
        lookup(folder_of_country[country], [*distinct]),
        lookup(country, names),
        *dates,
        arrow.from_numpy(order_numbers),
        arrow.from_numpy(amounts[codes[3]]),
        as_of_dates,
        *(
            lookup(dimensions.ranges(s, codes), [f"{r.min}-{r.max}" for r in s.all_ranges])
            for s in definitions.segments
        ),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(definitions))


def lookup(indices: NDArray[Any], names: Sequence[str]) -> pa.DictionaryArray:
    """Return the name at each index; null for negative indices."""
    places = arrow.from_numpy(indices.astype(np.int32), indices >= 0)
    return pa.DictionaryArray.from_arrays(places, arrow.from_texts(names))


def read_dates(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column as dates in UTC: null if there is no such column, or the value is not readable."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, DATE)
    values, states = take_parsed(*Column(instants).read(batch.column(name)))
    return arrow.from_numpy((values // DAY).astype(np.int32), states == READABLE, DATE)
