"""The commit is the same at every size: many countries, many amounts, more than an item holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ingest.handler import IngestError
from tests.support.emulator import emulated, new_harness
from tests.support.stack_harness import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack

KEY = "vouchers/large.parquet"
ITEM_BYTES = 400 * 1024
ORDERS = (0, 5, 14, 38)
LAST_ORDERS = ("2026-10-10", "2026-09-10", "2026-08-10", "2026-07-01", "2020-01-01")


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with emulated():
        yield


def crossed(countries: int, amounts: int) -> bytes:
    """Return a file in which every country uses every amount in every range of both segments."""
    rows = [
        {
            "country_code": f"Country {c}",
            "last_order_ts": day,
            "total_orders": ORDERS[i % 4],
            "voucher_amount": a + 0.5,
        }
        for c in range(countries)
        for i, day in enumerate(LAST_ORDERS)
        for a in range(amounts)
    ]
    return parquet(pa.Table.from_pylist(rows))


def test_two_hundred_countries_in_nine_ranges_are_committed_and_taken_back() -> None:
    with new_harness() as harness:
        assert harness.ingest(harness.put(KEY, crossed(200, 2))) == ["counted"]
        cells = harness.cells()
        assert len(cells) == 200 * 10
        assert cells["country 7", "frequent_segment#0-4"] == {"0.5": 2, "1.5": 2}
        assert cells["country 7", "recency_segment#91-120"] == {"0.5": 1, "1.5": 1}
        assert harness.ingest(harness.delete(KEY)) == ["deleted"]
        assert harness.cells() == {}


def test_a_contribution_larger_than_an_item_is_committed_replaced_and_deleted() -> None:
    with new_harness() as harness:
        assert harness.ingest(harness.put(KEY, crossed(5, 1500))) == ["counted"]
        (stored,) = harness.result_keys()
        assert harness.s3.head_object(Bucket=harness.results, Key=stored)["ContentLength"] > ITEM_BYTES
        cells = harness.cells()
        assert len(cells) == 5 * 10
        assert (
            sum(n for (_, cell), c in cells.items() if cell != "#spellings" for n in c.values())
            == 2 * 5 * 5 * 1500
        )
        assert harness.ingest(harness.put(KEY, crossed(1, 1))) == ["counted"]
        assert (len(harness.cells()), harness.result_keys()) == (10, [])
        assert harness.ingest(harness.delete(KEY)) == ["deleted"]
        assert harness.cells() == {}


def test_more_amounts_than_an_item_can_store_fail_before_any_is_counted() -> None:
    amounts = pa.array([n + 0.5 for n in range(20_001)])
    content = {
        "country_code": ["Peru"] * len(amounts),
        "last_order_ts": pa.nulls(len(amounts)),
        "voucher_amount": amounts,
    }
    file = pa.table(content | {"total_orders": pa.nulls(len(amounts))})
    with new_harness() as harness:
        with pytest.raises(
            IngestError, match="its column 'voucher_amount' holds more than 20,000 different amounts"
        ):
            harness.ingest(harness.put(KEY, parquet(file)))
        assert harness.cells() == {}
