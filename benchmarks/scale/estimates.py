"""Estimated time and cost of counting up to 10^12 rows with functions and with Spark, from measured rates."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import docs_page, prices
from benchmarks.costs import FILE_SECONDS, FILE_WRITES

FUNCTION_SHARE, FUNCTION_GB = 0.58, 1.0
"""A function of 1,024 MB: its share of a processor, and its memory."""

CONCURRENCY = 10
"""Concurrent functions (IngestReservedConcurrency)."""

FILE_ROWS = 50_000_000
ROW_BYTES = 2
"""Bytes of a row that counting reads if columns are dictionary-encoded: 98 MB of 50 million rows."""

RANGE_BYTES = 2 << 20
"""Bytes of a range request."""

VCPUS, GB_PER_VCPU, DRIVER_VCPUS = 64, 2, 4
START_SECONDS = 120
"""Seconds until workers of EMR Serverless start, estimated with a margin."""

CENT = 0.01

SIZES = (10**7, 10**9, 10**10, 10**11, 10**12)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of wall-clock time, and US dollars."""

    seconds: float
    dollars: float


def estimate_functions(rows: int, rate: float) -> Estimate:
    """Estimate the upload of files of fifty million rows; ``rate`` is in rows per second and core."""
    files = max(1, rows // FILE_ROWS)
    work = files * FILE_SECONDS + rows / (rate * FUNCTION_SHARE)
    compute = work * FUNCTION_GB * prices.LAMBDA_MILLION_GB_SECONDS
    writes = files * FILE_WRITES * prices.DYNAMODB_MILLION_WRITE_UNITS
    dollars = (compute + writes) / prices.MILLION + _requests(rows)
    return Estimate(work / min(files, CONCURRENCY), dollars)


def estimate_spark(rows: int, rate: float) -> Estimate:
    """Estimate a run on EMR Serverless with the default maximum of processors."""
    seconds = START_SECONDS + rows / (rate * (VCPUS - DRIVER_VCPUS))
    vcpu_hour = prices.EMR_VCPU_HOUR + GB_PER_VCPU * prices.EMR_GB_HOUR
    return Estimate(seconds, seconds / 3600 * VCPUS * vcpu_hour + _requests(rows))


def _requests(rows: int) -> float:
    return rows * ROW_BYTES / RANGE_BYTES * prices.S3_MILLION_READS / prices.MILLION


def table(function_rate: float, spark_rate: float) -> str:
    """Return a table of both estimates by size, given the measured rows per second and core of each."""
    head = ["rows", "10 concurrent functions", "", "Spark, 64 vCPUs", ""]
    rows = []
    for size in SIZES:
        estimates = (estimate_functions(size, function_rate), estimate_spark(size, spark_rate))
        rows.append(
            [f"{size:,}", *(cell for e in estimates for cell in (_time(e.seconds), _dollars(e.dollars)))]
        )
    return docs_page.table(head, rows)


def _time(seconds: float) -> str:
    units = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
    size, name = next(((s, n) for s, n in units if seconds >= 2 * s), (1, "seconds"))
    return f"{seconds / size:,.0f} {name}"


def _dollars(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= CENT else "under $0.01"
