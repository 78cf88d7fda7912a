"""Parquet file → record batches of the columns that counting needs."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import FileError
from ingest.parse import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import RawIOBase

COUNTRY, LAST_ORDER, TIMESTAMP = "country_code", "last_order_ts", "timestamp"
ORDERS, AMOUNT = "total_orders", "voucher_amount"

BATCH_ROWS = 1 << 16
"""Rows a batch: small enough that a batch's codes stay in the processor's cache."""

BUFFER_BYTES = 1 << 20
"""Bytes of a column chunk that are read at a time, so that memory does not follow its size."""


def needed_columns(*, row_as_of: bool) -> tuple[str, ...]:
    """Return the columns to read; ``timestamp`` only where recency is measured from each row's own."""
    return (COUNTRY, LAST_ORDER, ORDERS, AMOUNT, *((TIMESTAMP,) if row_as_of else ()))


def open_parquet(source: IO[bytes] | RawIOBase, columns: Sequence[str]) -> pq.ParquetFile:
    """Open a Parquet file and check that ``columns`` are there and of readable types.

    Raises:
        FileError: if it is not Parquet, or a column is missing, there twice or of no readable type.
    """
    try:
        plain = pq.ParquetFile(source)
        schema = plain.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileError(f"it cannot be read as Parquet: {_first_line(error)}") from None
    _check(schema, columns)
    return pq.ParquetFile(
        source,
        metadata=plain.metadata,
        read_dictionary=[name for name in columns if is_text(schema.field(name).type)],
        buffer_size=BUFFER_BYTES,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


def batches(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file a batch at a time, one row group after the other.

    Raises:
        FileError: if the data cannot be decoded.
    """
    try:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(
                BATCH_ROWS, row_groups=[group], columns=list(columns), use_threads=False
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileError(f"its data cannot be decoded: {_first_line(error)}") from None


def _check(schema: pa.Schema, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in schema.names]
    if missing:
        raise FileError(f"it has no column {_listed(missing)}; it has {_listed(schema.names)}")
    for name in columns:
        if schema.names.count(name) > 1:
            raise FileError(f"it has more than one column '{name}'")
        _check_type(name, schema.field(name).type)


def _check_type(name: str, held: pa.DataType) -> None:
    inner = held.value_type if pa.types.is_dictionary(held) else held
    meaning, kinds = ACCEPTED[name]
    if not any(accepts(inner) for accepts in kinds):
        raise FileError(f"its column '{name}' is of type {held}, which cannot be read as {meaning}")


Kinds = tuple["Callable[[pa.DataType], bool]", ...]
_TEXT: Kinds = (is_text, pa.types.is_null)
_INSTANT: Kinds = (*_TEXT, pa.types.is_timestamp, pa.types.is_date)
_NUMBER: Kinds = (*_TEXT, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
ACCEPTED: dict[str, tuple[str, Kinds]] = {
    COUNTRY: ("a name", _TEXT),
    LAST_ORDER: ("a point in time", _INSTANT),
    TIMESTAMP: ("a point in time", _INSTANT),
    ORDERS: ("a number", _NUMBER),
    AMOUNT: ("a number", _NUMBER),
}
"""What each column is read as, and the types that can be."""


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".") or type(error).__name__
