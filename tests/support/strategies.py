"""Generated tables of voucher uses with every type and dirt, and generated segment definitions."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import inf
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from tests.support import oracle
from vouchers.segments import Attribute, CountrySettings, Definitions, load_definitions

AS_OF = datetime(2020, 6, 1, 7, 30, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2019, 6, 1), datetime(2020, 8, 1))  # noqa: DTZ001 - columns add the zone
EDGES = [0, 29, 30, 31, 60, 61, 90, 91, 120, 121, 179, 180, 181]
NEAR_EDGES = st.builds(
    lambda days, us: (AS_OF - timedelta(days=days, microseconds=us)).replace(tzinfo=None),
    st.sampled_from(EDGES),
    st.sampled_from([-1, 0, 1]),
)
INSTANTS = MOMENTS | NEAR_EDGES
ODD_TEXT = st.sampled_from(
    ["", " ", "x", "2018-02-30", "2020-13-01", "nan", "-1", "1e999", "0000-01-01", "٣", "1_0"]
)


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, st.none(), odd)


def as_text(moment: datetime) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            f"{moment:%Y-%m-%d}",
            f"{moment:%Y-%m-%d %H:%M}",
            f"{moment:%Y-%m-%d %H:%M:%S.%f}",
            f"{moment:%Y-%m-%dT%H:%M:%S}",
            f"{moment:%Y-%m-%d %H:%M:%S.%f}+00:00",
            f"{moment:%Y-%m-%dT%H:%M:%S}Z",
            f"{moment:%Y-%m-%d %H:%M:%S.%f}999-0530",
            f" {moment:%Y-%m-%d %H}+02",
            f"{moment:%Y%m%d}",
            f"{moment:%Y-%m-%d %H:%M:%S},{moment:%f} UTC",
            f"{moment:%Y-%m-%dt%H:%M:%S}z",
            f"{moment:%Y-%m-%dT%H:%M} -05[UTC]",
        ]
    )


TEXTS: list[pa.DataType] = [
    pa.string(),
    pa.large_string(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.binary(),
]
INSTANT_COLUMNS = st.one_of(
    *(st.tuples(st.just(kind), st.lists(mostly(INSTANTS.flatmap(as_text), ODD_TEXT))) for kind in TEXTS[:3]),
    *(
        st.tuples(st.just(pa.timestamp(unit, zone)), st.lists(st.none() | INSTANTS))
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "America/Lima")
    ),
    st.tuples(st.just(pa.date32()), st.lists(st.none() | INSTANTS.map(lambda m: m.date()))),
    st.tuples(st.just(pa.date64()), st.lists(st.none() | INSTANTS.map(lambda m: m.date()))),
    st.tuples(st.just(pa.null()), st.lists(st.none())),
)
WHOLE = st.integers(0, 45) | st.sampled_from([4, 5, 13, 14, 37, 38, 99999999, 100000000, -1])
FLOATS = WHOLE.map(float) | st.sampled_from([4.5, 0.1, -0.0, float("nan"), float("inf"), -2.5, 2640.0, 1e300])
NUMBER_TEXTS = (
    WHOLE.map(str) | WHOLE.map(lambda n: f"{n}.0") | st.sampled_from(["4.5", "+5", "1e1", ".5", " 7 ", "-0"])
)
CENTS = st.integers(-100, 100_000).map(lambda cents: Decimal(cents).scaleb(-2))
NUMBER_COLUMNS = st.one_of(
    *(st.tuples(st.just(kind), st.lists(mostly(NUMBER_TEXTS, ODD_TEXT))) for kind in TEXTS[:3]),
    *(st.tuples(st.just(kind), st.lists(st.none() | WHOLE)) for kind in (pa.int64(), pa.int32())),
    st.tuples(st.just(pa.uint8()), st.lists(st.none() | st.integers(0, 255))),
    *(st.tuples(st.just(kind), st.lists(st.none() | FLOATS)) for kind in (pa.float64(), pa.float32())),
    st.tuples(st.just(pa.decimal32(9, 2)), st.lists(st.none() | CENTS)),
    *(
        st.tuples(st.just(kind), st.lists(st.none() | WHOLE.map(Decimal) | CENTS))
        for kind in (pa.decimal64(18, 2), pa.decimal128(14, 2), pa.decimal256(40, 2))
    ),
    st.tuples(st.just(pa.null()), st.lists(st.none())),
)
COUNTRIES = st.tuples(
    st.sampled_from(TEXTS),
    st.lists(
        mostly(
            st.sampled_from(
                ["Peru", "PERU", " Peru ", "Côte d'Ivoire", "Co\u0302te\xa0 d'Ivoire", "#x", "Pe\u200bru"]
            ),
            st.sampled_from(["", " \t", "\ufeff"]),
        )
    ),
)


def column(kind: pa.DataType, values: list[Any], rows: int) -> pa.Array:
    """Return a column of a type with ``rows`` values, repeated from ``values``."""
    cycled = [values[i % len(values)] if values else None for i in range(rows)]
    if pa.types.is_binary(kind):
        cycled = [None if v is None else v.encode() for v in cycled]
    if pa.types.is_timestamp(kind) and kind.tz:
        cycled = [None if v is None else v.replace(tzinfo=UTC) for v in cycled]
    if pa.types.is_dictionary(kind):
        return pa.array(cycled, kind.value_type).dictionary_encode()
    return (
        pa.array(cycled, pa.timestamp("us", kind.tz)).cast(kind, safe=False)
        if pa.types.is_timestamp(kind)
        else pa.array(cycled, kind)
    )


NAMES = ("country_code", "last_order_ts", "first_order_ts", "timestamp", "total_orders", "voucher_amount")


def table_of(rows: int, *columns: tuple[pa.DataType, list[Any]]) -> pa.Table:
    """Return a table of the columns that files of uses have, from a type and values for each."""
    return pa.table({name: column(*content, rows) for name, content in zip(NAMES, columns, strict=True)})


TABLES = st.builds(
    table_of,
    st.integers(0, 60),
    COUNTRIES,
    *(INSTANT_COLUMNS, INSTANT_COLUMNS, INSTANT_COLUMNS),
    *(NUMBER_COLUMNS, NUMBER_COLUMNS),
)
LAYOUTS = st.fixed_dictionaries(
    {"row_group_size": st.sampled_from([1, 7, 1000]), "use_dictionary": st.booleans()}
)
"""Options of ``write_table``."""


def ranges(most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Disjoint ranges up to a bound."""
    bounds = st.lists(st.integers(0, most), min_size=2, max_size=8, unique=True).map(sorted)
    return bounds.map(lambda ends: [(ends[i], ends[i + 1]) for i in range(0, len(ends) - 1, 2)])


def segment(attribute: str, most: int) -> st.SearchStrategy[Any]:
    own = st.dictionaries(st.sampled_from(["Peru", "CÔTE D'IVOIRE", "#x", "Chile"]), ranges(most))
    return st.tuples(st.just(attribute), ranges(most), own)


SEGMENTS = st.dictionaries(
    st.sampled_from(["one", "two", "three"]),
    segment(oracle.DAYS, 200) | segment(oracle.TENURE, 400) | segment(oracle.ORDERS, 45),
    min_size=1,
)
ATTRIBUTES = {
    oracle.DAYS: Attribute.DAYS_SINCE_LAST_ORDER,
    oracle.TENURE: Attribute.DAYS_SINCE_FIRST_ORDER,
    oracle.ORDERS: Attribute.TOTAL_ORDERS,
}


def definitions(segments: oracle.Segments) -> Definitions:
    """Write segments to a file, and return the definitions loaded from it."""
    lines = []
    for name, (attribute, content, *own) in segments.items():
        lines += [f"[{name}]", f'attribute = "{ATTRIBUTES[attribute]}"', f"ranges = {[*map(list, content)]}"]
        lines += (
            [f"[{name}.countries]", *(f'"{c}" = {[*map(list, r)]}' for c, r in own[0].items())] if own else []
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "segments.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        return load_definitions(file)


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return a table as Python values, instants to the microsecond."""
    for name in table.column_names:
        kind = table.schema.field(name).type
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            at = table.column_names.index(name)
            table = table.set_column(at, name, table.column(name).cast(pa.timestamp("us", kind.tz)))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


AMOUNTS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 4.0])
GUARDS = st.builds(
    CountrySettings,
    minimum_uses=st.integers(1, 40),
    amounts=st.none() | st.frozensets(AMOUNTS.filter(bool), min_size=1),
    min_amount=st.sampled_from([0.0, 0.5, 2.0]),
    max_amount=st.sampled_from([inf, 3.0, 2.0]),
)
"""Settings that restrict choices among ``AMOUNTS``."""
