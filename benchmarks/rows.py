"""Random rows like the sample's: typed, as texts, with dirty rows, or with distinct texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from voucher_selector.sample_data.facts import COUNTRIES
from voucher_selector.sample_data.rows import NO_ORDERS, Rows, draw

Columns = dict[str, pa.Array]

DIRTY_SHARE = 0.1
DIRT = {
    "country_code": " ",
    "last_order_ts": "2020-02-30 00:00:00+00:00",
    "total_orders": "twelve",
    "voucher_amount": "-1",
}
"""The value of a column that makes a row dirty."""


def draw_rows(kind: str, rows: int, seed: int) -> pa.Table:
    """Return rows in the order of their last orders, as in a daily export; ``kind`` is a file's ``types``."""
    rng = np.random.default_rng(seed)
    columns = _typed(rows, rng)
    if kind != "typed":
        columns = _spelled(columns)
    if kind == "distinct":
        columns |= _spread(columns, rng)
    if kind == "dirty":
        columns |= _dirty(columns, rng)
    return pa.table(columns)


def _typed(rows: int, rng: np.random.Generator) -> Columns:
    parts: list[tuple[str, Rows]] = []
    while sum(len(part) for _, part in parts) < rows:
        parts += [(country.name, draw(country, rng)) for country in COUNTRIES]
    names = np.repeat(np.array([name for name, _ in parts]), [len(part) for _, part in parts])
    order = rng.permutation(len(names))[:rows]
    days = np.concatenate([part.last_order for _, part in parts])[order]
    order = order[np.argsort(days, kind="stable")]

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for _, part in parts])[order]

    orders, amount = column("orders"), column("amount")
    return {
        "timestamp": pa.array(column("used").astype("datetime64[us]")),
        "country_code": pa.array(names[order]),
        "last_order_ts": pa.array(column("last_order").astype("datetime64[us]")),
        "first_order_ts": pa.array(column("first_order").astype("datetime64[us]")),
        "total_orders": pa.array(orders, mask=orders == NO_ORDERS),
        "voucher_amount": pa.array(amount, mask=np.isnan(amount)),
    }


def _spelled(columns: Columns) -> Columns:
    orders = _append(columns["total_orders"].cast(pa.string()), ".0")
    return {
        "timestamp": _append(columns["timestamp"].cast(pa.string()), "+00:00"),
        "country_code": columns["country_code"],
        "last_order_ts": _append(pc.strftime(columns["last_order_ts"], "%Y-%m-%d"), " 00:00:00+00:00"),
        "first_order_ts": columns["first_order_ts"],
        "total_orders": orders.fill_null(""),
        "voucher_amount": _append(columns["voucher_amount"].cast(pa.string()), ".0"),
    }


def _spread(columns: Columns, rng: np.random.Generator) -> Columns:
    """Make the texts of last orders and of orders distinct, with times of day and fractions."""
    rows = len(columns["timestamp"])
    clock = pa.array(rng.integers(0, 86_400_000_000, rows)).cast(pa.time64("us")).cast(pa.string())
    days = pc.utf8_slice_codeunits(columns["last_order_ts"], 0, 10)
    fraction = pa.array(rng.integers(10**9, 10**10, rows)).cast(pa.string())
    return {
        "last_order_ts": pc.binary_join_element_wise(days, clock, " "),
        "total_orders": pc.binary_join_element_wise(columns["total_orders"], fraction, ""),
    }


def _dirty(columns: Columns, rng: np.random.Generator) -> Columns:
    which = rng.integers(0, len(DIRT), len(columns["timestamp"]))
    which[rng.random(len(which)) >= DIRTY_SHARE] = len(DIRT)
    return {
        name: pc.if_else(pa.array(which == i), dirt, columns[name])
        for i, (name, dirt) in enumerate(DIRT.items())
    }


def _append(texts: pa.Array, end: str) -> pa.Array:
    return pc.binary_join_element_wise(texts, end, "")
