"""Find out what becomes of very many small uploads at once, and write it into docs/explanation/scale.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks import page
from benchmarks.burst import embedded
from benchmarks.burst.bill import dollars
from benchmarks.burst.simulate import Burst, simulate
from benchmarks.burst.uploads import ROWS, files_of_countries, small_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.burst.embedded import Each
    from benchmarks.burst.simulate import Course

PAGE = page.PAGE.parents[1] / "explanation" / "scale.md"
MEASURED, SIMULATED, WIDE = 200, 3_000, 200
"""Events that are measured on the emulator, simulated for a rate, and simulated of the widest uploads."""

AT_ONCE = 10
CROWDS = (1, 5, AT_ONCE, 20, 50, 200)
LAMBDA_PROCESSOR = 1_024 / 1_769
"""Lambda's share of a processor: a whole one comes with 1,769 MB."""

HEAD = (
    "concurrent functions",
    "events per second",
    "conflicts per commit",
    "throttles per commit",
    "median (s)",
    "99th percentile (s)",
)
ENDS = (
    "100,000 simultaneous uploads",
    "events per second",
    "time to count all",
    "write units per event",
    "US dollars",
)


@dataclass(frozen=True, slots=True)
class Found:
    """All that is on the page."""

    each: Each
    measured: dict[int, embedded.Rate]
    crowds: list[Course]
    whole: Course
    ends: dict[str, Course]


def main() -> None:
    """Measure, simulate and write."""
    parser = argparse.ArgumentParser(prog="make bench-burst", description=main.__doc__)
    parser.add_argument(
        "--events", type=int, default=100_000, help="uploads of the burst that is run in full"
    )
    text = _text(_found(parser.parse_args().events))
    page.write("burst", text, PAGE)
    sys.stdout.write(f"{text}\n")


def _found(events: int) -> Found:
    files = small_files(MEASURED)
    each = embedded.each(files)
    measured = {workers: embedded.rate(files, workers) for workers in CROWDS if workers <= 2 * AT_ONCE}
    processor = each.processor / LAMBDA_PROCESSOR
    crowds = [simulate(Burst(SIMULATED, workers, processor), files) for workers in CROWDS]
    own, wide = files_of_countries(SIMULATED, 1), files_of_countries(1, 100)
    ends = {
        "a different country in each file": simulate(Burst(SIMULATED, AT_ONCE, processor), own),
        "all to the same object": simulate(Burst(SIMULATED, AT_ONCE, processor, key=_same), files),
        "the same 100 countries in each file": simulate(Burst(WIDE, AT_ONCE, processor), wide),
        "10 files per commit, 10 functions": simulate(
            Burst(SIMULATED, AT_ONCE, processor, at_once=10), files
        ),
        "10 files per commit, 50 functions": simulate(
            Burst(SIMULATED, 5 * AT_ONCE, processor, at_once=10), files
        ),
    }
    return Found(each, measured, crowds, simulate(Burst(events, AT_ONCE, processor, waits=True), files), ends)


def _same(_: int) -> str:
    return "vouchers/same.parquet"


def _text(found: Found) -> str:
    parts = [_emulated(found), _crowds(found.crowds), _whole(found.whole), _ends(found)]
    return "\n\n".join(part if part.startswith("|") else fill(part, 140) for part in parts)


def _emulated(found: Found) -> str:
    each = found.each
    calls = ", ".join(f"{count:g} `{name}`" for name, count in each.calls.items())
    rates = ", ".join(f"{rate.a_second:.0f} with {workers}" for workers, rate in found.measured.items())
    return (
        f"**Measured on the embedded emulator**, with {MEASURED} files of {ROWS} rows on a machine with"
        f" {page.machine()}. Each event makes these calls: {calls}. It uses"
        f" {1000 * each.processor:.0f} ms of CPU time and writes {each.log / 1000:.1f} KB of logs. Events per"
        f" second by number of concurrent functions: {rates}. The emulator runs transactions one at a time,"
        " so they never conflict. The conflicts are simulated:"
    )


def _crowds(courses: Sequence[Course]) -> str:
    return page.table(HEAD, [_crowd(course) for course in courses])


def _crowd(course: Course) -> list[str]:
    seen, seconds = course.model.seen, sorted(course.each)
    slow = seconds[int(0.99 * len(seconds))]
    figures = (
        seen["conflicts"] / seen["commits"],
        seen["throttles"] / seen["commits"],
        median(seconds),
        slow,
    )
    return [str(course.burst.workers), f"{_rate(course):.0f}", *(f"{figure:.2f}" for figure in figures)]


def _whole(course: Course) -> str:
    seen, events = course.model.seen, course.burst.events
    return (
        f"**Simulation of {events:,} simultaneous uploads**, Lambda's retries included: all are counted after"
        f" {course.seconds / 60:.0f} minutes, exactly once. The oldest event waited {course.oldest / 60:.0f}"
        f" minutes; Lambda keeps an event for 360. Lambda throttled {course.throttled / events:.0f} attempts"
        f" per event, and DynamoDB canceled {seen['conflicts'] / seen['commits']:.1f} transactions per"
        f" commit. The table compares this with other uploads, extrapolated from {WIDE:,} to {SIMULATED:,}"
        " of them:"
    )


def _ends(found: Found) -> str:
    courses = {"four countries in each file": found.whole} | found.ends
    return page.table(ENDS, [_end(name, course, found.each) for name, course in courses.items()])


def _end(name: str, course: Course, each: Each) -> list[str]:
    units = course.model.units
    a_second, written = _rate(course), (units.total() - units["reads"]) / course.burst.events
    return [
        name,
        f"{a_second:.0f}",
        _time(100_000 / a_second),
        f"{written:,.0f}",
        f"{100_000 * dollars(course, each):,.2f}",
    ]


def _rate(course: Course) -> float:
    return course.burst.events / course.seconds


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"  # noqa: PLR2004 - two hours


if __name__ == "__main__":
    main()
