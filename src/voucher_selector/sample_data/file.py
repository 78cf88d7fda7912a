"""Write the sample as Parquet, with the types and formats of the 2020 file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selector.sample_data.facts import COUNTRIES, ROWS
from voucher_selector.sample_data.rows import NO_ORDERS, Rows, draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voucher_selector.sample_data.rows import Ints

SEED = 2020
STEPS = len(COUNTRIES) + 1


def write_sample(path: Path, seed: int = SEED, on_step: Callable[[], object] = lambda: None) -> None:
    """Write the sample: one row group, gzip; call ``on_step`` after each of STEPS.

    The seed decides everything but the facts: the same seed gives the same bytes.

    Raises:
        OSError: if the file cannot be written.
    """
    rng = np.random.default_rng(seed)
    drawn: list[Rows] = []
    for country in COUNTRIES:
        drawn.append(draw(country, rng))
        on_step()
    names = (country.name for country in COUNTRIES)
    table = pa.Table.from_batches([_columns(name, rows) for name, rows in zip(names, drawn, strict=True)])
    table = table.take(_by_last_order(drawn, rng))
    with path.open("wb") as file:
        pq.write_table(table, file, row_group_size=ROWS, compression="gzip", compression_level=6)
    on_step()


def _columns(country: str, rows: Rows) -> pa.RecordBatch:
    """Return the columns, with values in the format of the file."""
    last_order = pa.array(rows.last_order.astype("datetime64[D]")).cast(pa.string())
    orders = _append(pa.array(rows.orders).cast(pa.string()), ".0")
    columns = {
        "timestamp": _append(pa.array(rows.used.astype("datetime64[us]")).cast(pa.string()), "+00:00"),
        "country_code": pa.repeat(country, len(rows)),
        "last_order_ts": _append(last_order, " 00:00:00+00:00"),
        "first_order_ts": pa.array(rows.first_order.astype("datetime64[ns]")).cast(pa.timestamp("ns", "UTC")),
        "total_orders": pc.if_else(pa.array(rows.orders == NO_ORDERS), pa.repeat("", len(rows)), orders),
        "voucher_amount": pa.array(rows.amount, mask=np.isnan(rows.amount)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _append(strings: pa.Array[pa.StringScalar], end: str) -> pa.Array[pa.StringScalar]:
    return pc.binary_join_element_wise(strings, pa.repeat(end, len(strings)), pa.repeat("", len(strings)))


def _by_last_order(drawn: list[Rows], rng: np.random.Generator) -> Ints:
    """Return the order of rows in a daily export: by last order, and random within a day."""
    days = np.concatenate([rows.last_order for rows in drawn]).astype(np.int16)
    shuffled = rng.permutation(len(days))
    return shuffled[np.argsort(days[shuffled], kind="stable")]
