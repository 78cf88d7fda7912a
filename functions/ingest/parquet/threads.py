"""Use several cores: how many there are, and items that a thread makes while earlier ones are used."""

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

LAMBDA_CORE = 1_769
"""Megabytes of a function's memory for which Lambda gives it one core."""

MAX_AHEAD = 2
"""Items that wait for their use."""

Item = TypeVar("Item")


def usable_cores() -> int:
    """Return the number of cores that this process may use, at least 1."""
    # os.process_cpu_count needs Python 3.13.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return min(cores, -(-int(megabytes) // LAMBDA_CORE)) if megabytes else cores


def make_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the items, none of which is None; a thread makes the next ones in the meantime.

    An error comes in the place of its item, after the items before it. Close the iterator to end the thread.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = deque(pool.submit(next, items, None) for _ in range(MAX_AHEAD))
        try:
            while (item := coming.popleft().result()) is not None:
                coming.append(pool.submit(next, items, None))
                yield item
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
