"""How many commits a second get through to the same counters.

The retry is the real one; DynamoDB is a lock, held for as long as a transaction takes.

Run: PYTHONPATH=functions python -m benchmarks.contention [milliseconds a transaction takes]
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from ingest.transact import transact

WORKERS = (1, 2, 5, 10, 20, 50, 100)
SECONDS = 6.0
COUNTING = 0.1
"""Seconds that a worker spends between two commits, on reading and counting a small file."""


@dataclass
class Contended:
    """A client whose transactions all touch the same items, and conflict while another is under way."""

    takes: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    conflicts: int = 0
    commits: int = 0

    def transact_write_items(self, **_: Any) -> None:  # noqa: ANN401  (as botocore's)
        """Take as long as a transaction takes, or fail as one that conflicts does."""
        if not self.lock.acquire(blocking=False):
            self.conflicts += 1
            time.sleep(self.takes / 2)
            reasons: Any = {"CancellationReasons": [{"Code": "TransactionConflict"}]}
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException"}, **reasons}, "TransactWriteItems"
            )
        try:
            time.sleep(self.takes)
            self.commits += 1
        finally:
            self.lock.release()


def work(client: Any, until: float, waits: list[float]) -> None:  # noqa: ANN401  (it stands in for botocore's)
    """Count and commit, over and over."""
    while time.monotonic() < until:
        time.sleep(COUNTING)
        started = time.monotonic()
        transact(client, [], lambda: 60.0)
        waits.append(time.monotonic() - started)


def main() -> None:
    """Print commits a second, conflicts a commit and the longest commit for several numbers of workers."""
    takes = float(sys.argv[1] if len(sys.argv) > 1 else 12) / 1000
    table = Table("workers", "commits/s", "conflicts a commit", "median s", "99 % s", "longest s")
    for workers in WORKERS:
        client, waits = Contended(takes), list[float]()
        until = time.monotonic() + SECONDS
        with ThreadPoolExecutor(workers) as pool:
            for _ in range(workers):
                pool.submit(work, client, until, waits)
        waits.sort()
        row = (
            client.commits / SECONDS,
            client.conflicts / client.commits,
            *(waits[int(q * len(waits))] for q in (0.5, 0.99)),
        )
        table.add_row(str(workers), *(f"{figure:.2f}" for figure in (*row, waits[-1])))
    Console().print(table)


if __name__ == "__main__":
    main()
