"""Rounds of contestants that count a file in turn, each in its own process, with equal results."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from benchmarks.files import ensure_file
from benchmarks.measure import Cost, measure, median

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.files import File

FLOOR, OURS, APPLY = "floor", "ours", "pandas_apply"
UNCOUNTED = {FLOOR, "plain_floor", "transfer_s3"}
"""Contestants that only read."""

TENTH = 10
"""pandas with ``apply`` counts one row in this many; its measured time is multiplied by this number."""

ONCE = {APPLY, "pandas_vectorised", "wrangler_pandas"}
"""Slow contestants, which count once."""

Costs = dict[str, Cost]
"""The median cost of each contestant."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of the contestants: as-of date, runs, cores, and the URL of S3."""

    runs: int
    variant: str = "fixed"
    cores: int = 1
    server: Mapping[str, str] = field(default_factory=dict)


def run_rounds(names: Sequence[str], file: File, setting: Setting) -> Costs:
    """Run contestants on a file several times, the slow ones once; return the median cost of each.

    Raises:
        SystemExit: if the counts differ.
    """
    seen = defaultdict[str, list[Cost]](list)
    agreed: dict[int, Any] = {}
    for _ in range(setting.runs):
        for name in (n for n in names if n not in ONCE or n not in seen):
            rows = file.rows // TENTH if name == APPLY else file.rows
            cost, counts = _measured(name, replace(file, rows=rows), setting)
            seen[name].append(_scaled(cost) if name == APPLY else cost)
            if name not in UNCOUNTED and counts != agreed.setdefault(rows, counts):
                raise SystemExit(f"{file.name}: {name} does not count as the others do")
    return {name: median(costs) for name, costs in seen.items()}


def _measured(name: str, file: File, setting: Setting) -> tuple[Cost, Any]:
    threads = {"OMP_NUM_THREADS": str(setting.cores), "POLARS_MAX_THREADS": str(setting.cores)}
    return measure(
        name, ensure_file(file), setting.variant, setting.cores, {**os.environ, **threads, **setting.server}
    )


def _scaled(cost: Cost) -> Cost:
    return Cost(cost.seconds * TENTH, cost.cpu * TENTH, cost.memory)
