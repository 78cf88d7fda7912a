"""Calculate the monthly costs of the stack for three sizes: the table in docs/how-to/estimate-costs.md.

Prices are AWS's list prices in US dollars for US East (N. Virginia) as of 2025, without free tiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from benchmarks import prices
from ingest.row_outputs.glue_catalog import INDEXES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "estimate-costs.md"
BEGIN, END = "<!-- costs -->", "<!-- end of costs -->"

GB = 1e9
MIN_WHOLE = 9.5
"""Larger numbers of units are shown without decimals."""

RETENTION_MONTHS = 12
"""Months for which an upload is stored."""

FILE_SECONDS, MILLION_ROWS_SECONDS = 2.0, 2.0
"""Seconds of the function for a file without rows, and for a million rows: twice the measured ones."""

REQUEST_SECONDS = 0.01
"""Seconds of the API function for a request, its GetItem included."""

FILE_WRITES = 70
"""Write units of a commit: two for each of some 25 items with counters, the rest for the source."""

FILE_BYTES = 10_000
"""Bytes of a source in the tables and their backups."""

REQUEST_LOG_BYTES = 1_300
"""Bytes of a request in the logs: the function's line and metric, 600, and the access log, 700."""

CUSTOM_METRICS, ALARM_METRICS = 30, 26
"""Metrics that the functions emit, and metrics of the alarms."""

COUNTRIES = 4
"""Countries of a file, each a partition of the segmented rows."""

GLUE_REQUESTS = 5
"""Requests to Glue of a commit with segmented rows."""

TRACES_PER_MONTH, TRACED_SHARE = 30 * 86_400, 0.05
"""X-Ray's default rule: the first request of each second, and one in twenty of the others."""


@dataclass(frozen=True, slots=True)
class Size:
    """A month's work: files, millions of rows and megabytes of each, and millions of requests."""

    name: str
    files: int
    rows: float
    megabytes: float
    requests: float


@dataclass(frozen=True, slots=True)
class Item:
    """A billed item: its price per unit, and the units of each size."""

    name: str
    price: float
    unit: str
    units: tuple[float, ...]


SIZES = (
    Size("small", files=30, rows=0.5, megabytes=6, requests=0.1),
    Size("medium", files=1_000, rows=2, megabytes=24, requests=10),
    Size("large", files=30_000, rows=5, megabytes=60, requests=300),
)


def items() -> list[Item]:
    """Return all billed items."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    api, ingest = (
        resources[name]["Properties"]["MemorySize"] / 1024 for name in ("ApiFunction", "IngestFunction")
    )
    files, requests = [s.files / 1e6 for s in SIZES], [s.requests for s in SIZES]
    counting = [s.files * (FILE_SECONDS + s.rows * MILLION_ROWS_SECONDS) * ingest / 1e6 for s in SIZES]
    stored = [RETENTION_MONTHS * s.files / GB for s in SIZES]
    uploads = [s.megabytes * 1e6 for s in SIZES]
    first = [min(n, TRACES_PER_MONTH / 1e6) for n in requests]
    rows: list[tuple[str, float, str, list[float]]] = [
        ("API Gateway", prices.API_MILLION_REQUESTS, "million requests", requests),
        (
            "Lambda, requests",
            prices.LAMBDA_MILLION_REQUESTS,
            "million",
            [n + m for n, m in zip(requests, files, strict=True)],
        ),
        (
            "Lambda, API function",
            prices.LAMBDA_MILLION_GB_SECONDS,
            "million GB s",
            [n * REQUEST_SECONDS * api for n in requests],
        ),
        ("Lambda, ingest function", prices.LAMBDA_MILLION_GB_SECONDS, "million GB s", counting),
        ("DynamoDB, reads", prices.DYNAMODB_MILLION_READ_UNITS, "million units", requests),
        (
            "DynamoDB, writes",
            prices.DYNAMODB_MILLION_WRITE_UNITS,
            "million units",
            [n * FILE_WRITES for n in files],
        ),
        ("DynamoDB, storage and backup", prices.DYNAMODB_GB_MONTH, "GB", [n * FILE_BYTES for n in stored]),
        (
            "S3, storage",
            prices.S3_GB_MONTH,
            "GB",
            [n * size for n, size in zip(stored, uploads, strict=True)],
        ),
        ("CloudWatch, logs", prices.LOGS_GB, "GB", [n * 1e6 * REQUEST_LOG_BYTES / GB for n in requests]),
        ("CloudWatch, custom metrics", prices.METRIC_MONTH, "metric", [CUSTOM_METRICS] * len(SIZES)),
        ("CloudWatch, alarms", prices.ALARM_METRIC_MONTH, "metric", [ALARM_METRICS] * len(SIZES)),
        ("CloudWatch, dashboard", prices.DASHBOARD_MONTH, "dashboard", [1] * len(SIZES)),
        (
            "X-Ray",
            prices.MILLION_TRACES,
            "million traces",
            [one + TRACED_SHARE * (n - one) for n, one in zip(requests, first, strict=True)],
        ),
    ]
    return [Item(name, price, unit, tuple(units)) for name, price, unit, units in rows]


def segmented_rows_items() -> list[Item]:
    """Return what is billed in addition with segmented rows: they take as much space as the uploads."""
    (uploads,) = (item for item in items() if item.name == "S3, storage")
    entries = 1 + len(INDEXES)  # a partition, and its entry in each index
    stored = [RETENTION_MONTHS * size.files * COUNTRIES * entries / 1e6 for size in SIZES]
    requests = [size.files * GLUE_REQUESTS / 1e6 for size in SIZES]
    return [
        Item("segmented rows: S3, storage", uploads.price, uploads.unit, uploads.units),
        Item(
            "segmented rows: Glue, partitions and indexes",
            prices.GLUE_MILLION_OBJECTS_MONTH,
            "million objects",
            tuple(stored),
        ),
        Item(
            "segmented rows: Glue, requests",
            prices.GLUE_MILLION_REQUESTS,
            "million",
            tuple(requests),
        ),
    ]


def table() -> str:
    """Return the costs as a Markdown table: dollars, and the units in brackets."""
    billed = items()
    lines = [["", "price", *(size.name for size in SIZES)], ["---", "---", *["---:"] * len(SIZES)]]
    totals = [sum(item.price * item.units[n] for item in billed) for n in range(len(SIZES))]
    total = ["**total**", "", *(f"**{total:,.0f}**" for total in totals)]
    for item in [*billed, *segmented_rows_items()]:
        cells = [
            f"{item.price * units:,.2f} ({units:{',.0f' if units > MIN_WHOLE else '.2g'}})"
            for units in item.units
        ]
        lines.append([item.name, f"{item.price:g} per {item.unit}", *cells])
    lines.insert(2 + len(billed), total)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the table into the page."""
    page = PAGE.read_text()
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{after}")


if __name__ == "__main__":
    main()
