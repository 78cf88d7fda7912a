"""Orders for datasets of a stack harness, and a runner of their tasks without Spark."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.run import run
from voucher_selector.spark_job.sums import combine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.stack_harness import StackHarness
    from voucher_selector.spark_job.counting import PieceCounter
    from voucher_selector.spark_job.listing import Task
    from voucher_selector.spark_job.progress import Progress
    from voucher_selector.spark_job.sums import Sums

DATASET = "datasets/history/"
_numbers = itertools.count()


def order(harness: StackHarness, dataset: str = DATASET, **instead: Any) -> Order:
    """Return an order for a new run."""
    reported = {
        "run": f"run{next(_numbers)}",
        "dataset": dataset,
        "as_of": "2026-11-22T12:00:00",
        "columns": "",
        "forced": False,
        "uploads_bucket": harness.uploads,
        "results_bucket": harness.results,
        "segments_table": harness.segments,
        "sources_table": harness.sources,
    }
    return Order(**{**reported, **instead})


def count_here(tasks: Sequence[Task], counting: PieceCounter) -> Sums:
    """Run tasks in this process instead of Spark's workers."""
    total: Sums = {}
    for task in tasks:
        for path, value in counting.count_task(task):
            total[path] = combine(total[path], value) if path in total else value
    return total


def count(harness: StackHarness, dataset: str = DATASET, **instead: Any) -> Progress:
    """Count a dataset without Spark."""
    return run(order(harness, dataset, **instead), count_here)
