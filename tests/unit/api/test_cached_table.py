from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from api.cached_table import MAX_ENTRIES, CachedSegmentsTable, TTLCache
from tests.support.fake_segments_table import REFERENCE_COUNTS, CountedTable, contribution
from vouchers.counts import range_cell
from vouchers.segments import Range

if TYPE_CHECKING:
    from vouchers.dynamodb.segments_table import SegmentsTable

pytestmark = pytest.mark.disable_socket

NOW = 1_800_000_000.0
RECENCY = ("recency_segment", Range(180, 99999999))


@pytest.fixture
def counted() -> CountedTable:
    return CountedTable(dict(contribution("Peru", REFERENCE_COUNTS)))


def at(counted: CountedTable, cache: TTLCache, seconds: float) -> CachedSegmentsTable:
    return CachedSegmentsTable(cast("SegmentsTable", counted), cache, NOW + seconds)


def test_a_cached_value_is_not_read_again_until_it_expires(counted: CountedTable) -> None:
    cache = TTLCache(10)
    cells = [at(counted, cache, seconds).cell("Peru", *RECENCY) for seconds in (0, 5, 9.9)]
    assert cells[0]
    assert cells == [cells[0]] * 3
    assert counted.asked == ["cell"]
    at(counted, cache, 10).cell("Peru", *RECENCY)
    assert counted.asked == ["cell", "cell"]


def test_the_age_starts_at_the_read_and_not_at_the_last_use(counted: CountedTable) -> None:
    cache = TTLCache(10)
    for seconds, age in [(0, None), (4, 4), (8, 8), (12, None), (13, 1)]:
        table = at(counted, cache, seconds)
        table.cell("Peru", *RECENCY)
        assert table.age == age


def test_the_age_is_that_of_the_oldest_read(counted: CountedTable) -> None:
    cache = TTLCache(10)
    at(counted, cache, 0).cell("Peru", *RECENCY)
    at(counted, cache, 3).countries()
    oldest_first, oldest_last = at(counted, cache, 5), at(counted, cache, 5)
    oldest_first.cell("Peru", *RECENCY)
    oldest_first.countries()
    oldest_last.countries()
    oldest_last.cell("Peru", *RECENCY)
    assert (oldest_first.age, oldest_last.age) == (5, 5)


def test_new_counts_appear_when_the_old_ones_expire(counted: CountedTable) -> None:
    cache = TTLCache(10)
    at(counted, cache, 0).cell("Peru", *RECENCY)
    counted.counts[range_cell("Peru", *RECENCY)] = {"5": 1}
    old, new = (at(counted, cache, seconds).cell("Peru", *RECENCY) for seconds in (9, 10))
    assert old
    assert 2640.0 in old.amounts
    assert new
    assert new.amounts == {5.0: 1}


def test_missing_counts_are_cached_too(counted: CountedTable) -> None:
    cache = TTLCache(10)
    for seconds in range(3):
        table = at(counted, cache, seconds)
        assert table.cell("Atlantis", *RECENCY) is None
        assert table.country("Atlantis") is None
        assert table.countries() == ["Peru"]
    assert counted.asked == ["cell", "country", "countries"]


def test_spellings_of_a_country_share_an_entry(counted: CountedTable) -> None:
    cache = TTLCache(10)
    for name in ("Peru", " PERU", "peru"):
        assert at(counted, cache, 0).cell(name, *RECENCY)
        assert at(counted, cache, 0).country(name)
    assert counted.asked == ["cell", "country"]


def test_different_reads_have_different_entries(counted: CountedTable) -> None:
    table = at(counted, TTLCache(10), 0)
    assert table.cell("Peru", *RECENCY) != table.cell("Peru", "frequent_segment", Range(0, 4))
    assert table.country("Peru") != table.country("Chile")


def test_zero_seconds_disable_the_cache(counted: CountedTable) -> None:
    cache = TTLCache(0)
    for _ in range(2):
        table = at(counted, cache, 0)
        table.cell("Peru", *RECENCY)
        assert table.age is None
    assert counted.asked == ["cell", "cell"]
    assert cache.entries == {}


def test_setting_the_clock_back_extends_no_entry(counted: CountedTable) -> None:
    cache = TTLCache(10)
    at(counted, cache, 3600).cell("Peru", *RECENCY)
    at(counted, cache, 0).cell("Peru", *RECENCY)
    assert counted.asked == ["cell", "cell"]


def test_a_full_cache_evicts_the_oldest_entry(counted: CountedTable) -> None:
    cache = TTLCache(10)
    for i in range(MAX_ENTRIES + 1):
        at(counted, cache, i / MAX_ENTRIES).country(f"Country {i}")
    assert len(cache.entries) == MAX_ENTRIES
    counted.asked.clear()
    at(counted, cache, 1).country(f"Country {MAX_ENTRIES}")
    assert counted.asked == []
    at(counted, cache, 1).country("Country 0")
    assert counted.asked == ["country"]


def test_a_failed_read_is_not_cached() -> None:
    cache = TTLCache(10)

    class Failing(CountedTable):
        def countries(self) -> list[str]:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        at(Failing(), cache, 0).countries()
    assert cache.entries == {}
