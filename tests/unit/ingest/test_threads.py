from __future__ import annotations

import io
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError
from ingest.parquet import reader
from ingest.parquet.threads import MAX_AHEAD, make_ahead, usable_cores
from tests.support.sample_files import DIRTY, file_of
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 10


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Return a file with rejected rows in many row groups, to be counted on two cores."""
    monkeypatch.setattr(reader, "usable_cores", lambda: 2)
    monkeypatch.setattr(reader, "BATCH_ROWS", 2)
    monkeypatch.setattr(reader, "MIN_GROUP_ROWS", 2)
    return io.BytesIO(file_of(DIRTY * 20, row_group_size=10))


@pytest.fixture(autouse=True)
def _ends_its_threads() -> Iterator[None]:
    before = alive()
    yield
    assert alive() <= before


def alive() -> set[threading.Thread]:
    # Arrow's own threads, while they read, are daemons to Python.
    return {thread for thread in threading.enumerate() if not thread.daemon}


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_next_items_are_made_while_one_is_used_and_no_more() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    coming = make_ahead(items())
    assert next(coming) == 0
    eventually(lambda: len(made) == 1 + MAX_AHEAD)
    time.sleep(0.05)
    assert len(made) == 1 + MAX_AHEAD
    assert [*coming] == [*range(1, 100)]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise FileError("broken")

    got: list[int] = []
    with pytest.raises(FileError, match="broken"):
        got.extend(make_ahead(items()))
    coming = make_ahead(items())
    assert [next(coming) for _ in range(5)] == [*range(5)]
    with pytest.raises(FileError, match="broken"):
        next(coming)


@pytest.mark.parametrize("error", [FileError("full"), KeyboardInterrupt(), MemoryError()])
def test_an_error_in_a_callback_ends_the_count_and_its_threads(
    file: io.BytesIO, error: BaseException
) -> None:
    def reject(*_: Any) -> None:
        raise error

    expected = FileError if isinstance(error, MemoryError) else type(error)
    with pytest.raises(expected):
        count_file(file, 0, load_definitions(), RowCallbacks(reject))


def test_an_interrupt_while_a_batch_is_awaited_ends_the_count_and_its_threads(
    monkeypatch: pytest.MonkeyPatch, file: io.BytesIO
) -> None:
    # If a shell started the tests in the background, they ignore the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    decoded: list[int] = []

    def interrupted(*_: Any) -> bool:
        decoded.append(1)
        if len(decoded) == 5:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
        return False

    monkeypatch.setattr(reader.OpenFile, "drop_dictionaries", interrupted)
    with pytest.raises(KeyboardInterrupt):
        count_file(file, 0, load_definitions())


@pytest.mark.parametrize(
    ("cores", "rows", "group_rows", "expected"),
    [(1, 20, 20, False), (2, 20, 20, True), (2, 2, 20, False), (2, 20, 5, True), (2, 20, 4, False)],
)
def test_several_batches_without_small_row_groups_are_decoded_ahead(
    monkeypatch: pytest.MonkeyPatch, cores: int, rows: int, group_rows: int, expected: bool
) -> None:
    monkeypatch.setattr(reader, "usable_cores", lambda: cores)
    monkeypatch.setattr(reader, "BATCH_ROWS", 2)
    monkeypatch.setattr(reader, "MIN_GROUP_ROWS", 4)
    source = io.BytesIO(file_of((DIRTY * 20)[:rows], row_group_size=group_rows))
    assert reader.open_parquet(source, reader.needed_columns(row_as_of=False)).threads is expected


@pytest.mark.parametrize(
    ("megabytes", "cores"),
    [("128", 1), ("1768", 1), ("1769", 1), ("1770", 2), ("3539", 3), ("10240", 6), ("", 8)],
)
def test_a_function_uses_a_core_for_each_1769_mb(
    monkeypatch: pytest.MonkeyPatch, megabytes: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)
    assert usable_cores() == cores
