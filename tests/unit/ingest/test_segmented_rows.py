from __future__ import annotations

import pytest

from ingest.row_outputs.segmented_rows import athena_types, segment_columns
from vouchers.segments import Attribute, Definitions, Range, Segment


def definitions(*names: str) -> Definitions:
    return Definitions(tuple(Segment(name, Attribute.TOTAL_ORDERS, (Range(0, 4),)) for name in names))


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("recency_segment",), ["recency_segment"]),
        (("The Orders", "the-orders", "the_orders"), ["the_orders", "the_orders_2", "the_orders_3"]),
        (("total_orders", "Source", "as_of"), ["total_orders_2", "source_2", "as_of_2"]),
        (("größe", "x" * 300), ["gr__e", "x" * 200]),
    ],
)
def test_a_segment_has_a_column_of_its_own_that_athena_takes(
    names: tuple[str, ...], columns: list[str]
) -> None:
    assert segment_columns(definitions(*names)) == columns


def test_the_tables_columns_are_those_of_the_files_by_their_athena_types() -> None:
    assert athena_types(definitions("orders")) == {
        "country_code": "string",
        **dict.fromkeys(("last_order_ts", "first_order_ts", "timestamp", "as_of"), "date"),
        **dict.fromkeys(("total_orders", "voucher_amount"), "double"),
        "orders": "string",
    }
