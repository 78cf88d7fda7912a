from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parquet import read_ahead
from ingest.parquet.read_ahead import ReadAhead, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = 1_000
WHOLE = bytes(i * 7 % 251 for i in range(SIZE))
PLACES = st.integers(0, SIZE + 100)
SPANS = st.tuples(PLACES, PLACES).map(lambda ends: Span(min(ends), max(ends)))
GROUPS = st.lists(st.lists(SPANS, max_size=5), max_size=5)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "BLOCK", 64)
    monkeypatch.setattr(read_ahead, "MAX_GAP", 10)
    monkeypatch.setattr(read_ahead, "WINDOW", 256)


class Fetched:
    """Fetches spans and records them; blocks while ``go_on`` is unset."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, start: int, end: int) -> bytes:
        self.spans.append((start, end))
        assert self.go_on.wait(10)
        return WHOLE[start:end]


def reading(fetch: Callable[[int, int], bytes]) -> ReadAhead:
    return ReadAhead(fetch, SIZE)


@pytest.fixture
def fetched() -> Fetched:
    return Fetched()


@pytest.fixture
def file(fetched: Fetched) -> Iterator[ReadAhead]:
    with reading(fetched) as file:
        yield file


@given(GROUPS, st.lists(st.tuples(PLACES, st.integers(-1, 300)), max_size=20))
def test_every_read_is_what_the_file_holds_whatever_was_expected(
    groups: list[list[Span]], reads: list[tuple[int, int]]
) -> None:
    plain = io.BytesIO(WHOLE)
    with reading(Fetched()) as file:
        file.expect(groups)
        for place, size in reads:
            assert file.seek(place) == plain.seek(place)
            assert file.read(size) == plain.read(size)
            assert file.tell() == plain.tell() or place > SIZE


@given(GROUPS, st.lists(st.tuples(PLACES, st.integers(1, 300)), max_size=20))
def test_buffers_never_exceed_the_memory_for_them(
    groups: list[list[Span]], reads: list[tuple[int, int]]
) -> None:
    with reading(Fetched()) as file:
        file.expect(groups)
        for place, size in reads:
            file.seek(place)
            file.read(size)
            assert sum(block.end - block.start for block in file.blocks) <= read_ahead.WINDOW


def test_what_comes_next_is_on_its_way_before_it_is_read(file: ReadAhead, fetched: Fetched) -> None:
    file.expect([[Span(0, SIZE)]])
    assert file.read(10) == WHOLE[:10]
    assert [*file.blocks] == [(0, 64), (64, 128), (128, 192), (192, 256)]
    assert file.read(54) == WHOLE[10:64]
    assert [*file.blocks][-1] == (256, 320)
    assert file.read() == WHOLE[64:]
    assert sorted(fetched.spans) == [(start, min(start + 64, SIZE)) for start in range(0, SIZE, 64)]


def test_columns_of_a_group_are_read_ahead_side_by_side(file: ReadAhead) -> None:
    file.expect([[Span(0, 256), Span(500, 628)]])
    assert [*file.blocks] == [(0, 64), (500, 564), (64, 128), (128, 192)]


def test_spans_that_are_close_are_fetched_at_once(file: ReadAhead) -> None:
    file.expect([[Span(0, 20), Span(20, 30)], [Span(40, 60), Span(60, 70)], [Span(90, 100)]])
    assert [*file.blocks] == [(0, 60), (60, 70), (90, 100)]


def test_a_file_that_is_read_in_another_order_is_read_all_the_same(file: ReadAhead, fetched: Fetched) -> None:
    file.expect([[Span(0, SIZE)]])
    file.seek(900)
    assert file.read() == WHOLE[900:]
    assert (900, SIZE) in fetched.spans


def test_an_error_on_the_way_is_the_readers() -> None:
    def broken(_start: int, _end: int) -> bytes:
        raise LookupError("gone")

    with reading(broken) as file:
        file.expect([[Span(0, SIZE)]])
        with pytest.raises(LookupError, match="gone"):
            file.read(10)


def test_what_is_not_begun_when_it_is_closed_is_not_fetched(fetched: Fetched) -> None:
    fetched.go_on.clear()
    with reading(fetched) as file:
        file.expect([[Span(start, start + 30) for start in range(0, SIZE, 100)]])
    fetched.go_on.set()
    assert len(fetched.spans) <= read_ahead.THREADS
