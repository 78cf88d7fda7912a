"""After a crash at any call of a commit, the retry or the object's next event completes it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from ingest.handler import IngestError
from ingest.storage import results_bucket
from tests.support.crash_injection import Crash, calls, uncounted
from tests.support.emulator import emulated, new_harness
from tests.support.sample_files import FILES, body, expected
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack_harness import Cells, StackHarness

pytestmark = pytest.mark.stack

KEY, OTHER = "vouchers/a b+ü.parquet", "vouchers/other.parquet"


@dataclass(frozen=True)
class Scenario:
    """An object is replaced or deleted; an item stores at most ``inline`` bytes of a contribution."""

    before: str
    after: str | None
    inline: int = results_bucket.MAX_INLINE_BYTES
    keeps_rows: bool = False


SCENARIOS = {
    "one transaction": Scenario("peru", "china"),
    "rejected rows come": Scenario("peru", "dirty"),
    "rejected rows go": Scenario("dirty", "peru"),
    "chunks": Scenario("peru", "wide"),
    "chunks backwards": Scenario("wide", "china"),
    "contributions in S3": Scenario("wide", "dirty", inline=10),
    "a deletion in chunks": Scenario("wide", None),
    "a broken file": Scenario("dirty", "broken"),
    "segmented rows are replaced": Scenario("peru", "dirty", keeps_rows=True),
    "segmented rows of another country come": Scenario("peru", "china", keeps_rows=True),
    "segmented rows go": Scenario("peru", None, keeps_rows=True),
}


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with emulated():
        yield


@contextmanager
def started(scenario: Scenario) -> Iterator[tuple[StackHarness, dict[str, Any]]]:
    """Yield a harness with two counted objects, one of them changed since, and the event of that change."""
    kind = {"keeps_rows": scenario.keeps_rows}
    with patch.object(results_bucket, "MAX_INLINE_BYTES", scenario.inline), new_harness(**kind) as harness:
        harness.ingest(harness.put(OTHER, body("peru")), harness.put(KEY, body(scenario.before)))
        yield (
            harness,
            harness.delete(KEY) if scenario.after is None else harness.put(KEY, body(scenario.after)),
        )


def fresh(name: str | None) -> Cells:
    return expected([FILES["peru"], *([FILES[name]] if name in FILES else [])])


def ingest(harness: StackHarness, event: dict[str, Any]) -> None:
    with suppress(IngestError):
        harness.ingest(event)


def calls_of(scenario: Scenario) -> list[str]:
    """Return the calls of an ingest without a crash; check what a reader sees after each call."""
    old, new = fresh(scenario.before), fresh(scenario.after)
    with started(scenario) as (harness, event):

        def look() -> None:
            with uncounted():
                for cell, counters in harness.counters().items():
                    for name, count in counters.items():
                        assert count in {old.get(cell, {}).get(name, 0), new.get(cell, {}).get(name, 0)}
                if scenario.keeps_rows:
                    reads_no_row_twice(harness, old, new)

        with calls(watch=look) as made:
            ingest(harness, event)
        assert harness.cells() == new
    return made.made


def reads_no_row_twice(harness: StackHarness, *cells: Cells) -> None:
    """A count through the catalog gives, for each country, the counts before or after the change."""
    found = harness.listed_cells(load_definitions())
    for country, cell in {*found, *(at for content in cells for at in content)}:
        assert found.get((country, cell), {}) in [content.get((country, cell), {}) for content in cells]


def is_whole(harness: StackHarness, name: str | None) -> None:
    source = harness.source(KEY)
    assert harness.cells() == fresh(name)
    if harness.keeps_rows:
        assert harness.listed_cells(load_definitions()) == fresh(name)
    assert (source.pending, source.orphans) == (None, frozenset())
    assert source.objects <= harness.result_objects()


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_a_crash_at_any_call_is_repaired_by_the_retry_and_the_next_event(scenario: Scenario) -> None:
    made = calls_of(scenario)
    assert "TransactWriteItems" in made
    for at in range(len(made)):
        for answered in (False, True):
            with started(scenario) as (harness, event):
                with pytest.raises(Crash), calls(at, answered=answered):
                    ingest(harness, event)
                assert all(n >= 0 for counters in harness.counters().values() for n in counters.values())
                ingest(harness, event)
                is_whole(harness, scenario.after)
            with started(scenario) as (harness, event):
                with pytest.raises(Crash), calls(at, answered=answered):
                    ingest(harness, event)
                ingest(harness, harness.put(KEY, body("dirty")))
                is_whole(harness, "dirty")
                ingest(harness, event)
                is_whole(harness, "dirty")
