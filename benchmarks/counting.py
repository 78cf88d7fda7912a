"""`make bench`: what counting costs, beside other ways to do it and the decoding alone."""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import track

from benchmarks import page
from benchmarks.files import CLEAN, DIRTY, File, made
from benchmarks.measure import Cost, measure, median

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOOR, OURS = "floor", "ours"
QUICK = (FLOOR, OURS, "duckdb_sql", "polars_lazy")
SLOW = ("pandas_vectorised", "wrangler_pandas")
NAMES = {
    FLOOR: "decoding alone",
    OURS: "ours",
    "duckdb_sql": "DuckDB",
    "polars_lazy": "Polars",
    "pandas_vectorised": "pandas",
    "wrangler_pandas": "awswrangler",
}
VARIANTS = {"fixed": "one as-of date", "row": "each row's own timestamp"}


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured: how often, and by whom."""

    runs: int
    contestants: tuple[str, ...]
    files: tuple[File, ...]


Costs = dict[str, Cost]
"""The median cost of each contestant."""


def main() -> None:
    """Count five million rows in every kind of file, each way in turn, and write docs/performance.md."""
    options = _options()
    parts = [_part(variant, options) for variant in VARIANTS]
    conditions = (
        f"Medians of {options.runs} counts by turns, each in a process of its own on one core, on "
        f"{page.machine()}. CPU time, that as a multiple of decoding alone, and the peak of memory."
    )
    page.write("counting", "\n\n".join([conditions, *parts]))


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="make bench", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each counts each file")
    parser.add_argument("--quick", action="store_true", help="leave out pandas and awswrangler")
    parser.add_argument("--only", default="", help="files whose names hold this, such as 'text plain'")
    given = parser.parse_args()
    files = tuple(file for file in (*CLEAN, DIRTY) if given.only in file.name)
    return Options(given.runs, QUICK if given.quick else QUICK + SLOW, files)


def _part(variant: str, options: Options) -> str:
    costs = {file: _costs(file, variant, options) for file in track(options.files, VARIANTS[variant])}
    head = ["file", *(NAMES[name] for name in options.contestants)]
    rows = [[file.name, *_cells(cost, options.contestants)] for file, cost in costs.items()]
    return f"**Recency measured to {VARIANTS[variant]}**\n\n{page.table(head, rows)}"


def _costs(file: File, variant: str, options: Options) -> Costs:
    path, seen, agreed = made(file), defaultdict[str, list[Cost]](list), {}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    for _ in range(options.runs):
        for name in _contestants_for(file, options.contestants):
            cost, counts = measure(name, path, variant, 1, environment)
            seen[name].append(cost)
            if name != FLOOR:
                agreed[name] = counts
    if any(counts != agreed[OURS] for counts in agreed.values()):
        raise SystemExit(f"{file.name}: not all count the same")
    return {name: median(costs) for name, costs in seen.items()}


def _contestants_for(file: File, contestants: Sequence[str]) -> Sequence[str]:
    """Return who counts a file: the others stop at dirt."""
    return [name for name in contestants if file is not DIRTY or name in {FLOOR, OURS}]


def _cells(costs: Costs, contestants: Sequence[str]) -> list[str]:
    return [_cell(costs[name], costs[FLOOR]) if name in costs else "" for name in contestants]


def _cell(cost: Cost, floor: Cost) -> str:
    times = cost.cpu / floor.cpu
    return f"{cost.cpu * 1000:,.0f} ms, {times:.2f} times, {cost.memory / 1e6:,.0f} MB"


if __name__ == "__main__":
    main()
