"""What is counted, as sums: numbers by their path, which add up in any order, wherever they were counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vouchers.counts import Cell, Contribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.counting.count_file import Counted

Path = tuple[str, ...]
Sums = dict[Path, int]

COUNTS, REPORT, FAILED, REPLACED = "counts", "report", "failed", "replaced"
"""How paths begin: those of the contribution and of the report; and those of objects that cannot be counted,
or are no longer what they were when they were listed, which end in a sentence that says so.
"""


def sums_of(counted: Counted) -> Iterator[tuple[Path, int]]:
    """Yield what a piece contributes and what is reported on it."""
    for cell, counters in counted.contribution.items():
        for name, rows in counters.items():
            yield (COUNTS, cell.country, cell.name, name), rows
    yield from _flat(counted.report.as_dict(), REPORT)


def contribution_of(sums: Mapping[Path, int]) -> Contribution:
    """Return the contribution that sums hold."""
    contribution: Contribution = {}
    for (kind, *path), rows in sums.items():
        if kind == COUNTS:
            country, cell, name = path
            contribution.setdefault(Cell(country, cell), {})[name] = rows
    return contribution


def report_of(sums: Mapping[Path, int]) -> dict[str, Any]:
    """Return the report that sums hold, as ``Report.as_dict`` gives one of a file."""
    report: dict[str, Any] = {}
    for (kind, *path), rows in sorted(sums.items()):
        if kind == REPORT:
            held = report
            for name in path[:-1]:
                held = held.setdefault(name, {})
            held[path[-1]] = rows
    return {"rejected_by_reason": {}} | report


def sentences_of(sums: Mapping[Path, int], kind: str) -> dict[str, str]:
    """Return the sentences on objects of a kind, by their keys; one of each, if it has several."""
    found: dict[str, str] = {}
    for _, key, sentence in sorted(path for path in sums if path[0] == kind):
        found.setdefault(key, sentence)
    return found


def _flat(nested: Mapping[str, Any], *path: str) -> Iterator[tuple[Path, int]]:
    for name, held in nested.items():
        if isinstance(held, dict):
            yield from _flat(held, *path, name)
        else:
            yield (*path, name), held
