from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from api.cached_table import MAX_ENTRIES, CachedSegmentsTable, TTLCache
from tests.support.fake_segments_table import PERU, CountedTable, contribution
from vouchers.counts import range_cell
from vouchers.segments import Range

if TYPE_CHECKING:
    from vouchers.dynamodb.segments_table import SegmentsTable

pytestmark = pytest.mark.disable_socket

NOW = 1_800_000_000.0
RECENCY = ("recency_segment", Range(180, 99999999))


@pytest.fixture
def counted() -> CountedTable:
    return CountedTable(dict(contribution("Peru", PERU)))


def at(counted: CountedTable, memory: TTLCache, seconds: float) -> CachedSegmentsTable:
    return CachedSegmentsTable(cast("SegmentsTable", counted), memory, NOW + seconds)


def test_what_was_read_is_not_read_again_until_it_is_too_old(counted: CountedTable) -> None:
    memory = TTLCache(10)
    held = [at(counted, memory, seconds).cell("Peru", *RECENCY) for seconds in (0, 5, 9.9)]
    assert held[0]
    assert held == [held[0]] * 3
    assert counted.asked == ["cell"]
    at(counted, memory, 10).cell("Peru", *RECENCY)
    assert counted.asked == ["cell", "cell"]


def test_the_age_counts_from_the_read_and_not_from_the_last_use(counted: CountedTable) -> None:
    memory = TTLCache(10)
    for seconds, age in [(0, None), (4, 4), (8, 8), (12, None), (13, 1)]:
        recent = at(counted, memory, seconds)
        recent.cell("Peru", *RECENCY)
        assert recent.age == age


def test_the_age_is_that_of_the_oldest_read(counted: CountedTable) -> None:
    memory = TTLCache(10)
    at(counted, memory, 0).cell("Peru", *RECENCY)
    at(counted, memory, 3).countries()
    oldest_first, oldest_last = at(counted, memory, 5), at(counted, memory, 5)
    oldest_first.cell("Peru", *RECENCY)
    oldest_first.countries()
    oldest_last.countries()
    oldest_last.cell("Peru", *RECENCY)
    assert (oldest_first.age, oldest_last.age) == (5, 5)


def test_new_counts_are_seen_when_the_old_are_too_old(counted: CountedTable) -> None:
    memory = TTLCache(10)
    at(counted, memory, 0).cell("Peru", *RECENCY)
    counted.counts[range_cell("Peru", *RECENCY)] = {"5": 1}
    old, new = (at(counted, memory, seconds).cell("Peru", *RECENCY) for seconds in (9, 10))
    assert old
    assert 2640.0 in old.amounts
    assert new
    assert new.amounts == {5.0: 1}


def test_what_is_not_there_is_remembered_too(counted: CountedTable) -> None:
    memory = TTLCache(10)
    for seconds in range(3):
        recent = at(counted, memory, seconds)
        assert recent.cell("Atlantis", *RECENCY) is None
        assert recent.country("Atlantis") is None
        assert recent.countries() == ["Peru"]
    assert counted.asked == ["cell", "country", "countries"]


def test_spellings_of_a_country_share_a_read(counted: CountedTable) -> None:
    memory = TTLCache(10)
    for name in ("Peru", " PERU", "peru"):
        assert at(counted, memory, 0).cell(name, *RECENCY)
        assert at(counted, memory, 0).country(name)
    assert counted.asked == ["cell", "country"]


def test_reads_of_different_things_are_kept_apart(counted: CountedTable) -> None:
    recent = at(counted, TTLCache(10), 0)
    assert recent.cell("Peru", *RECENCY) != recent.cell("Peru", "frequent_segment", Range(0, 4))
    assert recent.country("Peru") != recent.country("Chile")


def test_no_seconds_remember_nothing(counted: CountedTable) -> None:
    memory = TTLCache(0)
    for _ in range(2):
        recent = at(counted, memory, 0)
        recent.cell("Peru", *RECENCY)
        assert recent.age is None
    assert counted.asked == ["cell", "cell"]
    assert memory.entries == {}


def test_a_clock_that_is_set_back_makes_nothing_last_longer(counted: CountedTable) -> None:
    memory = TTLCache(10)
    at(counted, memory, 3600).cell("Peru", *RECENCY)
    at(counted, memory, 0).cell("Peru", *RECENCY)
    assert counted.asked == ["cell", "cell"]


def test_what_was_read_first_is_forgotten_first_when_memory_is_full(counted: CountedTable) -> None:
    memory = TTLCache(10)
    for i in range(MAX_ENTRIES + 1):
        at(counted, memory, i / MAX_ENTRIES).country(f"Country {i}")
    assert len(memory.entries) == MAX_ENTRIES
    counted.asked.clear()
    at(counted, memory, 1).country(f"Country {MAX_ENTRIES}")
    assert counted.asked == []
    at(counted, memory, 1).country("Country 0")
    assert counted.asked == ["country"]


def test_a_read_that_fails_is_not_remembered() -> None:
    memory = TTLCache(10)

    class Failing(CountedTable):
        def countries(self) -> list[str]:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        at(Failing(), memory, 0).countries()
    assert memory.entries == {}
