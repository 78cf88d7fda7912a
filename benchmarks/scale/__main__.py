"""Measure engines on a hundred million rows, in rows per second and core, for docs/explanation/scale.md.

Run: make bench-scale [ARGS="--runs 3"]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from typing import Any

from rich.progress import track

from benchmarks import docs_page
from benchmarks.s3 import serving
from benchmarks.scale import estimates
from benchmarks.scale.dataset import FILES, ROWS, SERVED, ensure_dataset

PAGE = docs_page.PAGE.parents[1] / "explanation" / "scale.md"
CORES = 2
SPOKEN = {
    "ours_on_spark": "Spark job, from S3",
    "ours_fanned_out": "the ingest function's code, one process per core, from S3",
    "duckdb_sql": "DuckDB, from disk",
    "spark_sql": "Spark's Parquet reader and SQL, from disk",
}
MINUTES = 20


COMMAND = "make bench-scale"


def main() -> None:
    """Measure, check that all counts are equal, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    ensure_dataset()
    seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with serving(SERVED) as server:
        for name in track([*SPOKEN] * runs, "engines"):
            seen[name].append(_measured(name, os.environ | server))
    counts = [reported["counts"] for runs in seen.values() for reported in runs]
    if any(count != counts[0] for count in counts):
        raise SystemExit("the engines disagree on the counts")
    docs_page.write("engines", _text(seen, runs), COMMAND, PAGE)
    rates = _rate(seen["ours_fanned_out"]), _rate(seen["ours_on_spark"])
    docs_page.write("paths", estimates.table(*rates), COMMAND, PAGE)


def _measured(name: str, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale.contestants", name]
    ended = subprocess.run(  # noqa: S603 - this interpreter and a benchmark module
        command, capture_output=True, text=True, check=False, timeout=60 * MINUTES, env=environment
    )
    if ended.returncode:
        raise SystemExit(f"{name} failed: {ended.stderr.strip()[-2000:]}")
    reported: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return reported


def _text(seen: dict[str, list[dict[str, Any]]], runs: int) -> str:
    message = (
        f"{ROWS:,} rows in {FILES} files; wall-clock time, medians of {runs} interleaved runs on {CORES} "
        "cores."
    )
    head = ["", "counting", "including start-up", "rows per second", "rows per second and core"]
    return f"{message}\n\n{docs_page.table(head, [_row(name, runs) for name, runs in seen.items()])}"


def _row(name: str, reported: list[dict[str, Any]]) -> list[str]:
    seconds, whole = (statistics.median(run[figure] for run in reported) for figure in ("seconds", "whole"))
    rate = _rate(reported)
    return [SPOKEN[name], f"{seconds:.1f} s", f"{whole:.1f} s", f"{rate * CORES:,.0f}", f"{rate:,.0f}"]


def _rate(reported: list[dict[str, Any]]) -> float:
    """Return rows per second and core."""
    seconds: float = statistics.median(run["seconds"] for run in reported)
    return ROWS / seconds / CORES


if __name__ == "__main__":
    main()
