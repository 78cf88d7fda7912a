"""Commits of many countries, of many amounts, and of more than an item can store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.handler import IngestError
from tests.support.emulator import emulated, new_harness
from tests.support.sample_files import file_of, sample_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack

KEY = "vouchers/large.parquet"
ITEM_BYTES = 400 * 1024
ORDERS = ("0", "5", "14", "38")
LAST_ORDERS = ("2026-10-10", "2026-09-10", "2026-08-10", "2026-07-01", "2020-01-01")


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with emulated():
        yield


def crossed(countries: int, amounts: int) -> bytes:
    """Return a file in which every country uses every amount in every range of both segments."""
    return file_of(
        sample_rows(
            *(
                (f"Country {c}", day, None, ORDERS[i % 4], a + 0.5)
                for c in range(countries)
                for i, day in enumerate(LAST_ORDERS)
                for a in range(amounts)
            )
        )
    )


def test_two_hundred_countries_in_nine_ranges_are_committed_and_taken_back() -> None:
    with new_harness() as harness:
        assert harness.ingest(harness.put(KEY, crossed(200, 2))) == ["counted"]
        cells = harness.cells()
        assert len(cells) == 200 * 10
        assert cells["country 7", "frequent_segment#0-4"] == {"0.5": 2, "1.5": 2}
        assert cells["country 7", "recency_segment#91-120"] == {"0.5": 1, "1.5": 1}
        assert harness.ingest(harness.delete(KEY)) == ["deleted"]
        assert harness.cells() == {}


def test_a_contribution_beyond_an_item_is_committed_replaced_and_deleted() -> None:
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
    rows = sample_rows(*(("Peru", None, None, None, n + 0.5) for n in range(20_001)))
    with new_harness() as harness:
        with pytest.raises(
            IngestError, match="its column 'voucher_amount' holds more than 20,000 different amounts"
        ):
            harness.ingest(harness.put(KEY, file_of(rows)))
        assert harness.cells() == {}
