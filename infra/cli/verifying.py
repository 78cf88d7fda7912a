"""The whole table against a fresh count of the whole bucket, and setting it right."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from infra.cli.findings import Difference, Finding, Problem, Verification
from infra.cli.garbage import garbage
from infra.cli.invoking import ingest_function
from infra.cli.recounting import Recount
from ingest.as_of import AsOf
from ingest.objects import Results
from vouchers.counts import Cell, difference
from vouchers.segments import load_definitions
from vouchers.sources import SourcesTable, iso
from vouchers.table import MOST_CORRECTED, SegmentsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from infra.cli.target import Deployed
    from vouchers.counts import Contribution

Revisions = dict[str, tuple[int, bool]]
"""Source → its revision, and whether a commit of it was cut off."""


def compare(stack: Deployed, keys: Collection[str], advance: Callable[[int], None]) -> Verification:
    """Compare the table with a fresh count of all objects.

    Args:
        stack: whose table and bucket they are.
        keys: of all objects that are to be counted.
        advance: is told of each that is counted.

    Raises:
        botocore.exceptions.ClientError: if AWS refuses.
    """
    recount, counted, findings = _recount(stack), dict[Cell, dict[str, int]](), list[Finding]()
    before = _revisions(recount.sources)
    for key in keys:
        contribution, found = recount.of(key)
        _add(counted, contribution)
        findings += found
        advance(1)
    table = _segments(stack).counters()
    findings += _findings(before, _revisions(recount.sources), set(keys))
    findings += [Finding(Problem.GARBAGE, key) for key in garbage(stack)]
    counters = sum(map(len, counted.values()))
    return Verification(len(keys), counters, list(dict.fromkeys(findings)), _differences(table, counted))


def repair(stack: Deployed, differences: Iterable[Difference]) -> int:
    """Set counters to what was counted, each unless it has changed meanwhile; return how many were not set.

    It needs a verification that ``can_be_repaired``: no source changed while it lasted, so the differences
    are the table's own. Commits add to counters what changes in a contribution, which leaves such a
    difference as it is, and one that comes in between makes the condition on its counters fail.
    """
    table, left = _segments(stack), 0
    for cell, piece in _pieces(differences):
        read = {d.counter: d.in_table for d in piece}
        right = {d.counter: d.counted for d in piece}
        if not table.correct(cell, read, right, iso(datetime.now(UTC))):
            left += len(piece)
    return left


def _recount(stack: Deployed) -> Recount:
    s3 = stack.s3()
    return Recount(
        s3,
        stack.outputs["UploadsBucket"],
        SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"]),
        Results(s3, stack.outputs["ResultsBucket"]),
        load_definitions(),
        cache(lambda: AsOf.parse(ingest_function(stack).as_of_rule())),
    )


def _segments(stack: Deployed) -> SegmentsTable:
    return SegmentsTable(stack.dynamodb(), stack.outputs["SegmentsTable"])


def _revisions(sources: SourcesTable) -> Revisions:
    return {s.key: (s.revision, s.pending is not None) for s in sources.scan() if not s.is_gone}


def _findings(before: Revisions, after: Revisions, keys: set[str]) -> Iterator[Finding]:
    for source in sorted(before.keys() | after.keys()):
        if before.get(source) != after.get(source):
            yield Finding(Problem.CHANGED, source)
        elif before[source][1]:
            yield Finding(Problem.UNFINISHED, source)
        elif source not in keys:
            yield Finding(Problem.GONE, source)


def _add(total: Contribution, contribution: Contribution) -> None:
    for cell, counters in contribution.items():
        sums = total.setdefault(cell, {})
        for name, count in counters.items():
            sums[name] = sums.get(name, 0) + count


def _differences(table: Contribution, counted: Contribution) -> list[Difference]:
    return [
        Difference(cell, name, table.get(cell, {}).get(name, 0), counted.get(cell, {}).get(name, 0))
        for cell, counters in difference(table, counted).items()
        for name in counters
    ]


def _pieces(differences: Iterable[Difference]) -> Iterator[tuple[Cell, Sequence[Difference]]]:
    cells: dict[Cell, list[Difference]] = {}
    for each in differences:
        cells.setdefault(each.cell, []).append(each)
    for cell, held in cells.items():
        rest = iter(held)
        while piece := list(islice(rest, MOST_CORRECTED)):
            yield cell, piece
