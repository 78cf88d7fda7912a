"""Counts and reports as flat sums, which Spark adds up in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ingest.counting.report import MAX_EXAMPLES
from vouchers.counts import Cell, Contribution

if TYPE_CHECKING:
    from ingest.counting.count_file import Counted

Path = tuple[Any, ...]
Sums = dict[Path, Any]
"""Numbers; for EXAMPLES tuples of (key of the object, row, value)."""

COUNTS, REPORT, EXAMPLES, FAILED, REPLACED = "counts", "report", "examples", "failed", "replaced"
"""The first part of a path.

COUNTS is followed by country, cell and counter, REPORT by the keys of the report, EXAMPLES
by a reason to reject rows. FAILED (an object cannot
be counted) and REPLACED (an object has changed since it was listed) are followed by the object's key and an
error message. The paths of dated uses are those of ``voucher_selector.dated_uses``.
"""


def flatten_counts(counted: Counted, key: str) -> Iterator[tuple[Path, Any]]:
    """Yield the contribution and the report of a piece of an object as paths and values."""
    for cell, counters in counted.contribution.items():
        for name, rows in counters.items():
            yield (COUNTS, cell.country, cell.name, name), rows
    report = counted.report.as_dict()
    for reason, examples in report.pop("rejected_examples").items():
        yield (EXAMPLES, reason), tuple((key, example["row"], example["value"]) for example in examples)
    nested: list[tuple[Path, Any]] = [((REPORT,), report)]
    while nested:
        path, value = nested.pop()
        if isinstance(value, dict):
            nested += [((*path, name), inner) for name, inner in value.items()]
        else:
            yield path, value


def combine(a: Any, b: Any) -> Any:  # noqa: ANN401 - both are numbers, or both examples
    """Return the sum of two values of the same path: of numbers, or the first examples of both."""
    return a + b if isinstance(a, int) else tuple(sorted(a + b)[:MAX_EXAMPLES])


def build_contribution(sums: Mapping[Path, Any]) -> Contribution:
    """Return the contribution in sums."""
    contribution: Contribution = {}
    for (kind, *path), rows in sums.items():
        if kind == COUNTS:
            country, cell, name = path
            contribution.setdefault(Cell(country, cell), {})[name] = rows
    return contribution


def build_report(sums: Mapping[Path, Any]) -> dict[str, Any]:
    """Return the report in sums, in the form of ``Report.as_dict``."""
    report: dict[str, Any] = {}
    for (kind, *path), rows in sorted(sums.items()):
        if kind == REPORT:
            parent = report
            for name in path[:-1]:
                parent = parent.setdefault(name, {})
            parent[path[-1]] = rows
    examples = {
        reason: [{"row": row, "value": value, "object": key} for key, row, value in found]
        for (kind, reason, *_), found in sorted(sums.items())
        if kind == EXAMPLES
    }
    return {"rejected_by_reason": {}} | report | {"rejected_examples": examples}


def errors_by_object(sums: Mapping[Path, Any], kind: str) -> dict[str, str]:
    """Return the first error message of each object, by key; ``kind`` is FAILED or REPLACED."""
    errors: dict[str, str] = {}
    for _, key, message in sorted(path for path in sums if path[0] == kind):
        errors.setdefault(key, message)
    return errors
