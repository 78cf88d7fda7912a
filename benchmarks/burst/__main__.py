"""Measure and simulate bursts of small uploads, and write the results into docs/explanation/scale.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks import docs_page
from benchmarks.burst import embedded
from benchmarks.burst.event_costs import cost_per_event
from benchmarks.burst.simulate import Burst, simulate
from benchmarks.burst.uploads import ROWS, files_of_countries, small_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.burst.embedded import EventResources
    from benchmarks.burst.simulate import Simulation

PAGE = docs_page.PAGE.parents[1] / "explanation" / "scale.md"
MEASURED, SIMULATED, WIDE = 200, 3_000, 200
"""Numbers of events: measured, simulated, and simulated with the widest uploads."""

CONCURRENCY = 10
WORKERS = (1, 5, CONCURRENCY, 20, 50, 200)
CPU_SHARE = 1_024 / 1_769
"""The function's share of a processor; 1,769 MB have a whole one."""

HEAD = (
    "concurrent functions",
    "events per second",
    "conflicts per commit",
    "throttles per commit",
    "median (s)",
    "99th percentile (s)",
)
UPLOADS_HEAD = (
    "100,000 simultaneous uploads",
    "events per second",
    "time to count all",
    "write units per event",
    "US dollars",
)


@dataclass(frozen=True, slots=True)
class Results:
    """All results of the page."""

    resources: EventResources
    rates: dict[int, float]
    by_workers: list[Simulation]
    whole: Simulation
    other_uploads: dict[str, Simulation]


def main() -> None:
    """Measure and simulate bursts of small uploads."""
    parser = argparse.ArgumentParser(prog="make bench-burst", description=main.__doc__)
    parser.add_argument(
        "--events", type=int, default=100_000, help="uploads of the burst that is run in full"
    )
    text = _text(_run(parser.parse_args().events))
    docs_page.write("burst", text, "make bench-burst", PAGE)
    sys.stdout.write(f"{text}\n")


def _run(events: int) -> Results:
    files = small_files(MEASURED)
    resources = embedded.measure_resources(files)
    rates = {
        workers: embedded.measure_rate(files, workers) for workers in WORKERS if workers <= 2 * CONCURRENCY
    }
    cpu_seconds = resources.cpu_seconds / CPU_SHARE
    by_workers = [simulate(Burst(SIMULATED, workers, cpu_seconds), files) for workers in WORKERS]
    own, wide = files_of_countries(SIMULATED, 1), files_of_countries(1, 100)
    other_uploads = {
        "a different country in each file": simulate(Burst(SIMULATED, CONCURRENCY, cpu_seconds), own),
        "all to the same object": simulate(Burst(SIMULATED, CONCURRENCY, cpu_seconds, key=_same), files),
        "the same 100 countries in each file": simulate(Burst(WIDE, CONCURRENCY, cpu_seconds), wide),
        "10 files per commit, 10 functions": simulate(
            Burst(SIMULATED, CONCURRENCY, cpu_seconds, batch_size=10), files
        ),
        "10 files per commit, 50 functions": simulate(
            Burst(SIMULATED, 5 * CONCURRENCY, cpu_seconds, batch_size=10), files
        ),
    }
    whole = simulate(Burst(events, CONCURRENCY, cpu_seconds, through_lambda=True), files)
    return Results(resources, rates, by_workers, whole, other_uploads)


def _same(_: int) -> str:
    return "vouchers/same.parquet"


def _text(results: Results) -> str:
    parts = [
        _emulated(results),
        _worker_table(results.by_workers),
        _whole(results.whole),
        _upload_table(results),
    ]
    return "\n\n".join(part if part.startswith("|") else fill(part, 140) for part in parts)


def _emulated(results: Results) -> str:
    resources = results.resources
    calls = ", ".join(f"{count:g} `{name}`" for name, count in resources.calls.items())
    rates = ", ".join(f"{rate:.0f} with {workers}" for workers, rate in results.rates.items())
    return (
        f"**Measured on the embedded emulator**, with {MEASURED} files of {ROWS} rows. Each event makes these"
        f" calls: {calls}. It uses {1000 * resources.cpu_seconds:.0f} ms of CPU time and writes"
        f" {resources.log_bytes / 1000:.1f} KB of logs."
        f" Events per second by number of concurrent functions: {rates}. The emulator runs"
        " transactions one at a time,"
        " so they never conflict. The conflicts are simulated:"
    )


def _worker_table(simulations: Sequence[Simulation]) -> str:
    return docs_page.table(HEAD, [_worker_row(simulation) for simulation in simulations])


def _worker_row(simulation: Simulation) -> list[str]:
    seen, seconds = simulation.model.seen, sorted(simulation.seconds_per_invocation)
    slow = seconds[int(0.99 * len(seconds))]
    figures = (
        seen["conflicts"] / seen["commits"],
        seen["throttles"] / seen["commits"],
        median(seconds),
        slow,
    )
    return [
        str(simulation.burst.workers),
        f"{_rate(simulation):.0f}",
        *(f"{figure:.2f}" for figure in figures),
    ]


def _whole(simulation: Simulation) -> str:
    seen, events = simulation.model.seen, simulation.burst.events
    minutes, oldest = simulation.seconds / 60, simulation.max_age / 60
    throttles, conflicts = simulation.throttles / events, seen["conflicts"] / seen["commits"]
    return (
        f"**Simulation of {events:,} simultaneous uploads**, Lambda's retries included: all are counted after"
        f" {minutes:.0f} minutes, exactly once. The oldest event waited {oldest:.0f}"
        f" minutes; Lambda keeps an event for 360. Lambda throttled {throttles:.0f} attempts"
        f" per event, and DynamoDB canceled {conflicts:.1f} transactions per"
        f" commit. The table compares this with other uploads, extrapolated from {WIDE:,} to {SIMULATED:,}"
        " of them:"
    )


def _upload_table(results: Results) -> str:
    simulations = {"four countries in each file": results.whole} | results.other_uploads
    return docs_page.table(
        UPLOADS_HEAD,
        [_upload_row(name, simulation, results.resources) for name, simulation in simulations.items()],
    )


def _upload_row(name: str, simulation: Simulation, resources: EventResources) -> list[str]:
    units = simulation.model.units
    rate, units_per_event = _rate(simulation), (units.total() - units["reads"]) / simulation.burst.events
    return [
        name,
        f"{rate:.0f}",
        _time(100_000 / rate),
        f"{units_per_event:,.0f}",
        f"{100_000 * cost_per_event(simulation, resources):,.2f}",
    ]


def _rate(simulation: Simulation) -> float:
    return simulation.burst.events / simulation.seconds


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"  # noqa: PLR2004 - two hours


if __name__ == "__main__":
    main()
