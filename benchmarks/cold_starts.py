"""Measure the cold starts of the built functions in milliseconds: `make bench-start`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import docs_page
from benchmarks.lambda_runtime import VERSION, Runtime, find_python, make_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILT = Path(".aws-sam/build").absolute()
STARTS = Path(__file__).with_name("start_function.py")
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "SEGMENTS_TABLE": "voucher_segments",
}
HEAD = ("", "time", "CPU time", "bytecode loaded", "CPU time, ratio to the baseline", "goal")


@dataclass(frozen=True, slots=True)
class Start:
    """A start to measure: its name, its function in start_function.py, its artifact, and its baseline."""

    title: str
    name: str
    artifact: Path
    yardstick: str
    goal: str = ""


def main() -> None:
    """Measure all starts in turn, each in a new process, and write docs/reference/performance.md."""
    runs, python = _runs(), find_python()
    if python is None:
        sys.exit(f"No Python {VERSION} is here to start the functions with; install one")
    if not BUILT.is_dir():
        sys.exit("Nothing has been built yet; run make build first")
    with tempfile.TemporaryDirectory() as directory:
        (brought := Path(directory, "runtime")).mkdir()
        starts = _starts(Path(directory))
        seen = _measure(make_runtime(python, brought), starts, runs)
    text = _text(starts, seen, runs)
    docs_page.write("starting", text, "make bench-start")
    sys.stdout.write(f"{text}\n")


def _runs() -> int:
    parser = argparse.ArgumentParser(prog="make bench-start", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=15, help="starts of each function, in turn")
    return int(parser.parse_args().runs)


def _starts(directory: Path) -> list[Start]:
    api, ingest = BUILT / "ApiFunction", BUILT / "IngestFunction"
    return [
        Start("baseline: boto3 and a DynamoDB client", "client", api, "client"),
        Start("API function with its DynamoDB client", "api", api, "client", "1.30"),
        Start("… without bytecode", "api", _without_bytecode(api, directory), "client"),
        Start("baseline: boto3, numpy and pyarrow.parquet", "arrow", ingest, "arrow"),
        Start("ingest function", "ingest", ingest, "arrow", "1.30"),
        Start("… without bytecode", "ingest", _without_bytecode(ingest, directory), "arrow"),
    ]


def _without_bytecode(artifact: Path, directory: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(artifact, directory / artifact.name, ignore=ignore, copy_function=os.symlink))


def _measure(runtime: Runtime, starts: Sequence[Start], runs: int) -> list[list[dict[str, float]]]:
    seen: list[list[dict[str, float]]] = [[] for _ in starts]
    for _ in range(runs + 1):
        for start, took in zip(starts, seen, strict=True):
            took.append(json.loads(runtime.run(start.artifact, STARTS, start.name, **VARIABLES)))
    return [took[1:] for took in seen]  # the first reads files that are not in memory yet


def _text(starts: Sequence[Start], seen: Sequence[Sequence[dict[str, float]]], runs: int) -> str:
    yardsticks = {start.name: took for start, took in zip(starts, seen, strict=True)}
    rows = [_row(start, took, yardsticks[start.yardstick]) for start, took in zip(starts, seen, strict=True)]
    weights = ", ".join(f"{name} {_weight(name):.1f} MB" for name in ("ApiFunction", "IngestFunction"))
    conditions = f"Medians of {runs} interleaved starts, Python {VERSION}."
    return f"{conditions} Unzipped size: {weights}.\n\n{docs_page.table(HEAD, rows)}"


def _row(start: Start, took: Sequence[dict[str, float]], yardstick: Sequence[dict[str, float]]) -> list[str]:
    seconds, cpu, bytecode = (
        statistics.median(start[key] for start in took) for key in ("seconds", "cpu", "bytecode")
    )
    # By CPU time, because other processes share the cores.
    times = statistics.median(ours["cpu"] / least["cpu"] for ours, least in zip(took, yardstick, strict=True))
    figures = [f"{1000 * seconds:.0f} ms", f"{1000 * cpu:.0f} ms", f"{bytecode / 1e6:.1f} MB", f"{times:.2f}"]
    return [start.title, *figures, start.goal]


def _weight(artifact: str) -> float:
    return sum(path.stat().st_size for path in (BUILT / artifact).rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
