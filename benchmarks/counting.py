"""`make bench`: the CPU time and memory of counting, compared with other programs and with decoding alone."""

from __future__ import annotations

import argparse
import io
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from rich.progress import track

from benchmarks import chart, docs_page
from benchmarks.burst.embedded import CALLS, measure_steps
from benchmarks.files import (
    CLEAN,
    DIRTY,
    DISTINCT,
    FOLDER,
    ROWS,
    SMALL_GROUPS,
    File,
    ensure_file,
    without_dirt,
)
from benchmarks.measure import median
from benchmarks.rounds import APPLY, FLOOR, OURS, Costs, Setting, run_rounds
from benchmarks.rows import draw_rows
from benchmarks.s3 import DELAY, serving
from benchmarks.steps import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal

    from benchmarks.measure import Cost

ENGINES = ("duckdb_sql", "polars_lazy", "datafusion_sql", "clickhouse_sql")
QUICK = (FLOOR, OURS, *ENGINES)
SLOW = ("pandas_vectorised", "wrangler_pandas", APPLY)
NAMES = {
    FLOOR: "decoding only",
    "plain_floor": "decoding only, without dictionaries",
    OURS: "Voucher Selector",
    "duckdb_sql": "DuckDB",
    "polars_lazy": "Polars",
    "datafusion_sql": "DataFusion",
    "clickhouse_sql": "ClickHouse (chdb)",
    "pandas_vectorised": "pandas",
    "wrangler_pandas": "awswrangler",
    APPLY: "pandas `apply`",
}
VARIANTS = {"fixed": "as-of date of the file", "row": "as-of date of each row"}
LARGE = File("text", "dictionary", "snappy", rows=10 * ROWS)
LARGE_FILES = (LARGE, File("typed", "plain", "snappy", rows=10 * ROWS))
SIZES = (replace(LARGE, rows=ROWS // 10), replace(LARGE, rows=ROWS), DIRTY, LARGE)
WAYS = {
    "ours_s3": "Voucher Selector (range requests, read-ahead)",
    "ranged_s3": "one range request per read",
    "whole_s3": "download, then count",
    "arrow_s3": "pyarrow's S3 client",
}
LATENCY = 0.03
"""Latency of S3 in seconds, until the first byte."""

GOAL_MEMORY = "250 MB"
"""The most memory of a count on two cores."""

EVENTS, EVENT_ROWS = 100, 1_000
"""Events of small files, and rows of each file."""

MEMORIES = (256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048)
"""Memory limits to try, in megabytes."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a measurement: runs, contestants, part of the files' names, and the URL of an S3 server."""

    runs: int
    contestants: tuple[str, ...]
    only: str
    server: Mapping[str, str]

    def among(self, files: Sequence[File]) -> list[File]:
        """Return the files that are to be measured."""
        return [file for file in files if self.only in file.name]


def main() -> None:
    """Count five million rows in each kind of file, and write docs/reference/performance.md."""
    given = _given()
    contestants = QUICK if given.quick else QUICK + SLOW
    if given.parts != ["event"]:
        for file in track((*CLEAN, *SMALL_GROUPS, DIRTY, *DISTINCT, *SIZES, *LARGE_FILES), "files"):
            ensure_file(file)
    with serving(FOLDER.parent) as server:
        options = Options(given.runs, contestants, given.only, server)
        limits = (
            f"{' --quick' if given.quick else ''}{f' --only {shlex.quote(given.only)}' if given.only else ''}"
        )
        for name in given.parts or PARTS:
            command = f'make bench ARGS="{name} --runs {given.runs}{limits}"'
            docs_page.write(name, PARTS[name](options), command)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=main.__doc__)
    # Without arguments, argparse looks up the empty list in the choices.
    parser.add_argument(
        "parts", nargs="*", choices=[[], *PARTS], help="parts of the page to measure and write"
    )
    parser.add_argument("--runs", type=int, default=5, help="counts of each file by each contestant")
    parser.add_argument("--quick", action="store_true", help="leave out pandas and awswrangler")
    parser.add_argument(
        "--only",
        default="",
        help="counting, groups, cores: only files whose names contain this text, such as 'text plain'",
    )
    return parser.parse_args()


def counting(options: Options) -> str:
    """Compare all contestants, each on one core."""
    parts: list[str] = []
    fixed: dict[File, Costs] = {}
    for variant, meaning in VARIANTS.items():
        costs = {file: _costs(file, variant, options) for file in track(options.among(CLEAN), meaning)}
        fixed = fixed or costs
        head = ["file", *(NAMES[name] for name in options.contestants)]
        rows = [
            [f.name, *(_cell(c[name], c[FLOOR]) for name in options.contestants)] for f, c in costs.items()
        ]
        parts.append(f"**{meaning.capitalize()}**\n\n{docs_page.table(head, rows)}")
    chart.draw(
        {
            file.name: {NAMES[n].replace("`", ""): c.cpu for n, c in costs.items()}
            for file, costs in fixed.items()
        }
    )
    conditions = (
        f"Each cell shows the CPU time, its ratio to decoding only, and the peak memory. Medians of "
        f"{options.runs} interleaved runs (pandas and awswrangler: one run), each in its own process on "
        "one core."
    )
    return "\n\n".join([conditions, *parts])


def cores(options: Options) -> str:
    """Compare the fast contestants on two cores by wall-clock time."""
    costs = {
        file: run_rounds(QUICK, file, Setting(options.runs, cores=2))
        for file in track(options.among((*CLEAN, *SMALL_GROUPS, *LARGE_FILES)), "two cores")
    }
    rows = []
    for file, cost in costs.items():
        times = (f"{cost[name].seconds * 1000:,.0f} ms" for name in QUICK)
        memory = f"{cost[OURS].memory / 1e6:,.0f} MB"
        rows.append([file.name, *times, _to_fastest(cost, "seconds"), "1.00", memory, GOAL_MEMORY])
    conditions = (
        f"Wall-clock time, as-of date of the file. Medians of {options.runs} interleaved runs. The goals are "
        "for the ratio to the fastest of the other engines, and for the peak memory."
    )
    head = [*(NAMES[name] for name in QUICK), "ratio to the fastest engine", "goal", "peak memory", "goal"]
    return f"{conditions}\n\n{docs_page.table(['file', *head], rows)}"


def groups(options: Options) -> str:
    """Compare the fast contestants on one core for small row groups."""
    rows = []
    for file in track(options.among(SMALL_GROUPS), "row groups"):
        costs = run_rounds(QUICK, file, Setting(options.runs))
        times = (_milliseconds(costs[name]) for name in QUICK)
        rows.append([file.name, *times, _to_fastest(costs, "cpu")])
    head = ["file", *(NAMES[name] for name in QUICK), "ratio to the fastest engine"]
    conditions = f"CPU time on one core, as-of date of the file. Medians of {options.runs} interleaved runs."
    return f"{conditions}\n\n{docs_page.table(head, rows)}"


def _to_fastest(costs: Costs, kind: Literal["cpu", "seconds"]) -> str:
    """Return the ratio of our cost to that of the fastest engine."""
    return f"{getattr(costs[OURS], kind) / min(getattr(costs[name], kind) for name in ENGINES):.2f}"


def dirt(options: Options) -> str:
    """Compare files with rejected rows, and with distinct texts, with files without them."""
    setting = Setting(options.runs, server=options.server)
    rows = []
    for name, meaning in ((OURS, "counting only"), ("ours_s3", "the function, rejected rows stored")):
        clean, dirty = _alternately(name, without_dirt(DIRTY), DIRTY, options)
        rows.append([f"{without_dirt(DIRTY).name}: {meaning}", _milliseconds(clean), "1.00"])
        rows.append([f"10 % of rows rejected: {meaning}", _milliseconds(dirty), _times(dirty, clean)])
    for file in DISTINCT:
        costs = run_rounds([FLOOR, "plain_floor", OURS], file, setting)
        for floor in (FLOOR, "plain_floor"):
            rows.append([f"{file.name}: {NAMES[floor]}", _milliseconds(costs[floor]), "1.00"])
            rows.append(
                [f"{file.name}: {NAMES[OURS]}", _milliseconds(costs[OURS]), _times(costs[OURS], costs[floor])]
            )
    return docs_page.table(["file", "CPU time", "ratio to the row above"], rows)


def _alternately(name: str, one: File, other: File, options: Options) -> tuple[Cost, Cost]:
    once = Setting(1, server=options.server)
    costs = [[run_rounds([name], file, once)[name] for file in (one, other)] for _ in range(options.runs)]
    return median(pair[0] for pair in costs), median(pair[1] for pair in costs)


def sizes(options: Options) -> str:
    """Measure the peak memory for files of several sizes, and the least memory that a function needs."""
    rows = []
    for file in track(SIZES, "sizes"):
        costs = run_rounds([FLOOR, OURS, "ours_s3"], file, Setting(options.runs, server=options.server))
        least = next(size for size in MEMORIES if _gets_by(file, size, options.server))
        name = f"{file.rows:,}{', 10 % rejected' if file is DIRTY else ''}"
        rows.append([name, *_size_cells(file, costs), f"{least:,} MB"])
    head = [
        "rows",
        NAMES[FLOOR],
        NAMES[OURS],
        "rows per second and core",
        "the function, from S3",
        "minimum memory",
    ]
    return docs_page.table(head, rows)


def _size_cells(file: File, costs: Costs) -> list[str]:
    memories = (f"{costs[name].memory / 1e6:,.0f} MB" for name in (FLOOR, OURS, "ours_s3"))
    floor, ours, function = memories
    return [floor, ours, f"{file.rows / costs['ours_s3'].cpu:,.0f}", function]


def _gets_by(file: File, megabytes: int, server: Mapping[str, str]) -> bool:
    memory = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(megabytes)}
    try:
        run_rounds(["ours_s3"], file, Setting(1, server={**server, **memory}))
    except RuntimeError:
        return False
    return True


def remote(options: Options) -> str:
    """Compare ways to read a large object from S3, with and without the latency of a network."""
    near = Setting(options.runs, cores=2, server=options.server)
    far = replace(near, server={**options.server, DELAY: str(LATENCY)})
    costs = run_rounds([OURS, "transfer_s3", *WAYS], LARGE, near)
    costs |= {
        f"{n} far": cost for n, cost in run_rounds([n for n in WAYS if n != "arrow_s3"], LARGE, far).items()
    }
    both = costs[OURS].seconds + costs["transfer_s3"].seconds
    head = ["", "time", "CPU time", "peak memory", "ratio to disk plus transfer"]
    named = {OURS: "from disk", "transfer_s3": "transfer only", **WAYS}
    far_named = {
        f"{name} far": f"{meaning}, {LATENCY * 1000:.0f} ms latency" for name, meaning in WAYS.items()
    }
    rows = [_remote(meaning, costs[n], both) for n, meaning in (named | far_named).items() if n in costs]
    return docs_page.table(head, rows)


def _remote(meaning: str, cost: Cost, both: float) -> list[str]:
    memory = f"{cost.memory / 1e6:,.0f} MB"
    return [meaning, f"{cost.seconds:.2f} s", f"{cost.cpu:.2f} s", memory, f"{cost.seconds / both:.2f}"]


def profile(options: Options) -> str:
    """Measure the CPU time of each step, in nanoseconds per row, for both types and encodings."""
    chosen = [file for file in CLEAN if file.codec == "snappy"]
    spent = {file: steps(ensure_file(file), options.runs) for file in track(chosen, "steps")}
    floors = {file: run_rounds([FLOOR], file, Setting(options.runs))[FLOOR] for file in chosen}
    names = [*spent[chosen[0]]]
    rows = [[name, *(f"{spent[file][name]:.1f}" for file in chosen)] for name in names]
    floor = [NAMES[FLOOR], *(f"{floors[file].cpu * 1e9 / file.rows:.1f}" for file in chosen)]
    return docs_page.table(["nanoseconds per row", *(file.name for file in chosen)], [*rows, floor])


def event(options: Options) -> str:
    """Measure the CPU time of an event of a small file by step, beside that of its AWS calls."""
    files = [_small_file(seed) for seed in range(EVENTS)]
    rounds = [measure_steps(files) for _ in range(options.runs)]
    least = min(rounds, key=lambda spent: sum(spent.values()))
    calls = sum(least[step] for step in CALLS)
    total = sum(least.values())
    rows = [
        [step, f"{1000 * seconds:.2f} ms", f"{seconds / calls:.2f}", ""] for step, seconds in least.items()
    ]
    rows.append(["**all**", f"{1000 * total:.2f} ms", f"{total / calls:.2f}", "1.50"])
    conditions = f"Means of {EVENTS} events of {EVENT_ROWS:,} rows, of the fastest of {options.runs} runs."
    return f"{conditions}\n\n{docs_page.table(['step', 'CPU time', 'ratio to the AWS calls', 'goal'], rows)}"


def _small_file(seed: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(draw_rows("text", EVENT_ROWS, seed), sink, compression="snappy")
    return sink.getvalue()


PARTS: dict[str, Callable[[Options], str]] = {
    "counting": counting,
    "groups": groups,
    "cores": cores,
    "dirt": dirt,
    "sizes": sizes,
    "remote": remote,
    "profile": profile,
    "event": event,
}


def _costs(file: File, variant: str, options: Options) -> Costs:
    return run_rounds(options.contestants, file, Setting(options.runs, variant, server=options.server))


def _cell(cost: Cost, floor: Cost) -> str:
    return f"{_milliseconds(cost)}, {_times(cost, floor)}x, {cost.memory / 1e6:,.0f} MB"


def _milliseconds(cost: Cost) -> str:
    return f"{cost.cpu * 1000:,.0f} ms"


def _times(cost: Cost, other: Cost) -> str:
    return f"{cost.cpu / other.cpu:.2f}"


if __name__ == "__main__":
    main()
