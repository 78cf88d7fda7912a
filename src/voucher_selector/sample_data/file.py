"""Write the sample as Parquet, with the types and formats of the 2020 file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selector.sample_data.facts import COUNTRIES, ROWS
from voucher_selector.sample_data.rows import NO_ORDERS, Rows, draw

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
    batches = [_columns(country.name, rows) for country, rows in zip(COUNTRIES, drawn, strict=True)]
    # The order of a daily export: by last order, and random within a day.
    shuffled = rng.permutation(ROWS)
    days = np.concatenate([rows.last_order for rows in drawn]).astype(np.int16)[shuffled]
    table = pa.Table.from_batches(batches).take(shuffled[np.argsort(days, kind="stable")])
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
    return pa.record_batch(columns)


def _append(strings: pa.Array[pa.StringScalar], end: str) -> pa.Array[pa.StringScalar]:
    return pc.binary_join_element_wise(strings, pa.repeat(end, len(strings)), pa.repeat("", len(strings)))
