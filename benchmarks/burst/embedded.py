"""A burst on this machine: the ingest's handler against the emulator of the embedded stack."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import IO, TYPE_CHECKING, Any

from tests.support.crash_injection import calls
from tests.support.emulator import emulated, new_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.stack_harness import World


@dataclass(frozen=True, slots=True)
class Rate:
    """How many events some ingests at once got through a second, and the seconds that one took."""

    a_second: float
    median: float


@dataclass(frozen=True, slots=True)
class Each:
    """What one event takes: calls by name, seconds of processor, bytes of log."""

    calls: dict[str, float]
    processor: float
    log: float


def rate(files: Sequence[bytes], workers: int) -> Rate:
    """Hand the handler the event of each file, in so many threads."""
    with emulated(), new_world() as world, _silence(), warnings.catch_warnings(action="ignore"):
        records = _uploaded(world, files)
        started = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            seconds = list(pool.map(lambda record: _seconds(lambda: world.ingest(record)), records))
        a_second = len(records) / (time.perf_counter() - started)
        return Rate(a_second, median(seconds))


def each(files: Sequence[bytes]) -> Each:
    """Hand the handler the event of each file, one after the other, and see what that takes."""
    with emulated(), new_world() as world, _silence() as log, calls() as made:
        records = _uploaded(world, files)
        made.made.clear()
        already, processor = log.seek(0, os.SEEK_END), time.process_time()
        for record in records:
            world.ingest(record)
        took, told = time.process_time() - processor, log.seek(0, os.SEEK_END) - already
        number = len(records)
        named = {name: count / number for name, count in Counter(made.made).items()}
        return Each(named, took / number, told / number)


def _uploaded(world: World, files: Sequence[bytes]) -> list[dict[str, Any]]:
    """Put all files, and have one more counted, so that no first time is measured."""
    world.ingest(world.put("vouchers/first.parquet", files[0]))
    return [world.put(f"vouchers/{number}.parquet", body) for number, body in enumerate(files)]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _silence() -> Iterator[IO[bytes]]:
    """Have all that the process prints go to a file, which is given."""
    stdout = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield file
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)
