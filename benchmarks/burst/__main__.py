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
    "ingests at once",
    "events a second",
    "conflicts a commit",
    "throttled a commit",
    "median seconds",
    "slowest 1 %",
)
ENDS = (
    "100,000 uploads at once",
    "events a second",
    "all are counted after",
    "write units an event",
    "dollars",
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
        "each of a country of its own": simulate(Burst(SIMULATED, AT_ONCE, processor), own),
        "all of one object": simulate(Burst(SIMULATED, AT_ONCE, processor, key=_same), files),
        "each of the same hundred countries": simulate(Burst(WIDE, AT_ONCE, processor), wide),
        "if ten shared a commit": simulate(Burst(SIMULATED, AT_ONCE, processor, at_once=10), files),
        "the same with fifty ingests": simulate(Burst(SIMULATED, 5 * AT_ONCE, processor, at_once=10), files),
    }
    return Found(each, measured, crowds, simulate(Burst(events, AT_ONCE, processor, waits=True), files), ends)


def _same(_: int) -> str:
    return "vouchers/same.parquet"


def _text(found: Found) -> str:
    parts = [_emulated(found), _crowds(found.crowds), _whole(found.whole), _ends(found)]
    return "\n\n".join(part if part.startswith("|") else fill(part, 140) for part in parts)


def _emulated(found: Found) -> str:
    each = found.each
    made = ", ".join(f"{count:g} `{name}`" for name, count in each.calls.items())
    rates = ", ".join(f"{rate.a_second:.0f} by {workers}" for workers, rate in found.measured.items())
    return (
        f"**On the embedded emulator**, with {MEASURED} files of {ROWS} rows on {page.machine()}: an event"
        f" makes {made}; it takes {1000 * each.processor:.0f} ms of processor and {each.log / 1000:.1f} KB"
        f" of log. Events a second: {rates} ingests at once. The emulator carries out one transaction after"
        " another, so nothing conflicts there; that is simulated:"
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
        f"**{events:,} uploads at once**, simulated in full, Lambda's retries included: all are counted after"
        f" {course.seconds / 60:.0f} minutes, exactly once. The oldest event waited {course.oldest / 60:.0f}"
        f" of the 360 minutes that Lambda keeps one. Lambda throttled {course.throttled / events:.0f} tries"
        f" an event, DynamoDB cancelled {seen['conflicts'] / seen['commits']:.1f} transactions a commit."
        " This, and the same for other uploads by the rate at which some thousand of them are counted:"
    )


def _ends(found: Found) -> str:
    courses = {"small files of four countries": found.whole} | found.ends
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
