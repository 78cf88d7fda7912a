"""What each way of counting takes and costs, up to 10^12 rows, by measured rates and listed prices.

Prices are AWS's list prices in US dollars for US East (N. Virginia) as of 2025.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import page
from benchmarks.costs import FILE_SECONDS, FILE_WRITES

FUNCTION_SHARE, FUNCTION_GB = 0.58, 1.0
"""What a function of 1,024 MB has: a part of a processor, and memory."""

AT_ONCE = 10
"""Functions that count at once (IngestReservedConcurrency)."""

ROWS_A_FILE = 50_000_000
NEEDED_BYTES = 2
"""Bytes of a row that counting reads, where columns are dictionaries: 98 MB of 50 million rows."""

RANGE = 2 << 20
"""Bytes that a request for a range brings."""

VCPUS, GB_A_VCPU, DRIVER_VCPUS = 64, 2, 4
START = 120
"""Seconds until workers of EMR Serverless work, with a margin: not measured."""

FUNCTION_GB_SECOND, WRITE, GET = 16.6667e-6, 0.625e-6, 0.4e-6
VCPU_HOUR, GB_HOUR = 0.052624, 0.0057785

CENT = 0.01

SIZES = (10**7, 10**9, 10**10, 10**11, 10**12)


@dataclass(frozen=True, slots=True)
class Way:
    """What counting takes: seconds by the clock, and dollars."""

    seconds: float
    dollars: float


def by_functions(rows: int, rate: float) -> Way:
    """Return what uploading files of fifty million rows takes; ``rate`` is rows a second and core."""
    files = max(1, rows // ROWS_A_FILE)
    work = files * FILE_SECONDS + rows / (rate * FUNCTION_SHARE)
    dollars = work * FUNCTION_GB * FUNCTION_GB_SECOND + files * FILE_WRITES * WRITE + _requests(rows)
    return Way(work / min(files, AT_ONCE), dollars)


def by_spark(rows: int, rate: float) -> Way:
    """Return what a run on EMR Serverless takes, with the most processors that the template gives it."""
    seconds = START + rows / (rate * (VCPUS - DRIVER_VCPUS))
    return Way(seconds, seconds / 3600 * VCPUS * (VCPU_HOUR + GB_A_VCPU * GB_HOUR) + _requests(rows))


def _requests(rows: int) -> float:
    return rows * NEEDED_BYTES / RANGE * GET


def table(function_rate: float, spark_rate: float) -> str:
    """Return both ways for every size, by the rows a second and core that each was measured at."""
    head = ["rows", "10 concurrent functions", "", "Spark, 64 vCPUs", ""]
    rows = []
    for size in SIZES:
        ways = (by_functions(size, function_rate), by_spark(size, spark_rate))
        rows.append(
            [f"{size:,}", *(cell for way in ways for cell in (_time(way.seconds), _dollars(way.dollars)))]
        )
    return page.table(head, rows)


def _time(seconds: float) -> str:
    units = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
    size, name = next(((s, n) for s, n in units if seconds >= 2 * s), (1, "seconds"))
    return f"{seconds / size:,.0f} {name}"


def _dollars(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= CENT else "under $0.01"
