"""Counts and reports as flat sums, which Spark adds up in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vouchers.counts import Cell, Contribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.counting.count_file import Counted

Path = tuple[str, ...]
Sums = dict[Path, int]

COUNTS, REPORT, FAILED, REPLACED = "counts", "report", "failed", "replaced"
"""The first part of a path.

COUNTS is followed by country, cell and counter, REPORT by the keys of the report. FAILED (an object cannot
be counted) and REPLACED (an object has changed since it was listed) are followed by the object's key and an
error message.
"""


def flatten_counts(counted: Counted) -> Iterator[tuple[Path, int]]:
    """Yield the contribution and the report of a piece as paths and numbers."""
    for cell, counters in counted.contribution.items():
        for name, rows in counters.items():
            yield (COUNTS, cell.country, cell.name, name), rows
    nested: list[tuple[Path, Any]] = [((REPORT,), counted.report.as_dict())]
    while nested:
        path, value = nested.pop()
        if isinstance(value, dict):
            nested += [((*path, name), inner) for name, inner in value.items()]
        else:
            yield path, value


def build_contribution(sums: Mapping[Path, int]) -> Contribution:
    """Return the contribution in sums."""
    contribution: Contribution = {}
    for (kind, *path), rows in sums.items():
        if kind == COUNTS:
            country, cell, name = path
            contribution.setdefault(Cell(country, cell), {})[name] = rows
    return contribution


def build_report(sums: Mapping[Path, int]) -> dict[str, Any]:
    """Return the report in sums, in the form of ``Report.as_dict``."""
    report: dict[str, Any] = {}
    for (kind, *path), rows in sorted(sums.items()):
        if kind == REPORT:
            parent = report
            for name in path[:-1]:
                parent = parent.setdefault(name, {})
            parent[path[-1]] = rows
    return {"rejected_by_reason": {}} | report


def errors_by_object(sums: Mapping[Path, int], kind: str) -> dict[str, str]:
    """Return the first error message of each object, by key; ``kind`` is FAILED or REPLACED."""
    errors: dict[str, str] = {}
    for _, key, message in sorted(path for path in sums if path[0] == kind):
        errors.setdefault(key, message)
    return errors
