"""Calculate what the stack costs a month for three sizes: the table in docs/how-to/estimate-costs.md.

Prices are AWS's list prices in US dollars for US East (N. Virginia) as of 2025, without free tiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "estimate-costs.md"
BEGIN, END = "<!-- costs -->", "<!-- end of costs -->"

MILLION, GB = 1e6, 1e9
WHOLE = 9.5
"""From here on units are shown as whole numbers."""

MONTHS_KEPT = 12
"""So long an upload stays."""

FILE_SECONDS, MILLION_ROWS_SECONDS = 2.0, 2.0
"""What a file takes besides its rows, and a million of them: docs/reference/performance.md, doubled."""

REQUEST_SECONDS = 0.01
"""What a request takes in the API function, its GetItem included."""

FILE_WRITES = 70
"""Write units of a commit: two for each of some 25 counters' items, the rest for the source and its index."""

FILE_BYTES = 10_000
"""Bytes that a source leaves in the tables and their backups."""

REQUEST_LOG = 1_500
"""Bytes that a request leaves in logs: the function's line and metric, Lambda's three, the access log's."""

CUSTOM_METRICS, ALARM_METRICS = 30, 18
"""Metrics that the functions emit, and metrics that the alarms watch."""

TRACED_A_MONTH, TRACED_SHARE = 30 * 86_400, 0.05
"""X-Ray's own rule: the first request of each second, and one in twenty of the others."""


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
    """Something that is paid for: its price a unit, and how many units each size takes."""

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
    """Return all that is paid for."""
    ingest, api = _gigabytes("IngestFunction"), _gigabytes("ApiFunction")
    return [
        _item("API Gateway", 3.50, "million requests", [s.requests for s in SIZES]),
        _item("Lambda, requests", 0.20, "million", [s.requests + s.files / MILLION for s in SIZES]),
        _item(
            "Lambda, API function",
            16.6667,
            "million GB s",
            [s.requests * REQUEST_SECONDS * api for s in SIZES],
        ),
        _item(
            "Lambda, ingest function",
            16.6667,
            "million GB s",
            [_counting(s) * ingest / MILLION for s in SIZES],
        ),
        _item("DynamoDB, reads", 0.125, "million units", [s.requests for s in SIZES]),
        _item("DynamoDB, writes", 0.625, "million units", [s.files * FILE_WRITES / MILLION for s in SIZES]),
        _item("DynamoDB, storage and backup", 0.45, "GB", [_kept(s, FILE_BYTES) for s in SIZES]),
        _item("S3, storage", 0.023, "GB", [_kept(s, s.megabytes * MILLION) for s in SIZES]),
        _item("CloudWatch, logs", 0.50, "GB", [s.requests * MILLION * REQUEST_LOG / GB for s in SIZES]),
        _item("CloudWatch, custom metrics", 0.30, "metric", [CUSTOM_METRICS] * len(SIZES)),
        _item("CloudWatch, alarms", 0.10, "metric", [ALARM_METRICS] * len(SIZES)),
        _item("CloudWatch, dashboard", 3.00, "dashboard", [1] * len(SIZES)),
        _item("X-Ray", 5.00, "million traces", [_traced(s) for s in SIZES]),
    ]


def table() -> str:
    """Return the costs as a table in Markdown: dollars, and the units that they are for."""
    head = ["", "price", *(size.name for size in SIZES)]
    bought = items()
    rows = [[i.name, f"{i.price:g} per {i.unit}", *(_dollars(i, units) for units in i.units)] for i in bought]
    totals = [sum(item.price * item.units[n] for item in bought) for n in range(len(SIZES))]
    last = ["**total**", "", *(f"**{total:,.0f}**" for total in totals)]
    lines = [head, ["---", "---", *["---:"] * len(SIZES)], *rows, last]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _item(name: str, price: float, unit: str, units: list[float]) -> Item:
    return Item(name, price, unit, tuple(units))


def _dollars(item: Item, units: float) -> str:
    return (
        f"{item.price * units:,.2f} ({units:,.0f})"
        if units > WHOLE
        else f"{item.price * units:,.2f} ({units:.2g})"
    )


def _counting(size: Size) -> float:
    return size.files * (FILE_SECONDS + size.rows * MILLION_ROWS_SECONDS)


def _kept(size: Size, per_file: float) -> float:
    return MONTHS_KEPT * size.files * per_file / GB


def _traced(size: Size) -> float:
    each_second = min(size.requests, TRACED_A_MONTH / MILLION)
    return each_second + TRACED_SHARE * (size.requests - each_second)


def _gigabytes(function: str) -> float:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    memory: int = template["Resources"][function]["Properties"]["MemorySize"]
    return memory / 1024


def main() -> None:
    """Write the table into the page."""
    page = PAGE.read_text()
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{after}")


if __name__ == "__main__":
    main()
