"""The whole table against a fresh count of the whole bucket, and setting it right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from ingest.counting.as_of import AsOf
from ingest.row_outputs.glue_catalog import GlueCatalog
from ingest.storage.results_bucket import ResultsBucket
from voucher_selector.operations.findings import Difference, Finding, Problem, Verification
from voucher_selector.operations.garbage import garbage
from voucher_selector.operations.invoke import ingest_function
from voucher_selector.operations.recount import Recount
from voucher_selector.operations.upload import DATASETS, PREFIX
from vouchers.counts import Cell, difference
from vouchers.dynamodb.segments_table import MAX_COUNTERS_IN_CORRECTION, SegmentsTable
from vouchers.dynamodb.sources_table import SourcesTable, Status
from vouchers.segments import load_definitions
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from voucher_selector.stack import Deployed
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import Source, State


@dataclass(frozen=True, slots=True)
class Moment:
    """A source at one moment: its revision, whether a commit of it was cut off, and how it failed, if it did.

    Lambda tries the event of a file that cannot be counted twice more, and each try records the same failure.
    """

    revision: int
    cut_off: bool
    failure: State | None

    @classmethod
    def of(cls, source: Source) -> Moment:
        """Return what a source is like now."""
        cut_off, state = source.is_unfinished, source.state
        failed = state is not None and state.status is Status.FAILED and not cut_off
        return cls(source.revision, cut_off, replace(state, committed_at="") if state and failed else None)

    def is_other_than(self, before: Moment | None) -> bool:
        """Say whether there was a commit in between that may have changed a count."""
        if before is None or self.failure is None:
            return self != before
        return self.failure != before.failure


Moments = dict[str, Moment]
"""By source."""


def compare(stack: Deployed, keys: Collection[str], advance: Callable[[int], None]) -> Verification:
    """Compare the table with a fresh count of all objects, and with what is recorded of datasets.

    Args:
        stack: whose table and bucket they are.
        keys: of all objects that are to be counted.
        advance: is told of each that is counted.

    Raises:
        botocore.exceptions.ClientError: if AWS refuses.
    """
    recount, counted, findings = _recount(stack), dict[Cell, dict[str, int]](), list[Finding]()
    before = _moments(recount.sources)
    datasets = {key for key in before if key.startswith(DATASETS)}
    for key in datasets:
        contribution, found = recount.of_dataset(key)
        _add(counted, contribution)
        findings += found
    for key in keys:
        contribution, found = recount.of(key)
        _add(counted, contribution)
        findings += found
        advance(1)
    table = _segments(stack).counters()
    after = _moments(recount.sources)
    findings += _findings(before, after, {*keys, *datasets})
    findings += [
        Finding(Problem.GARBAGE, key) for prefix in (PREFIX, DATASETS) for key in garbage(stack, prefix)
    ]
    counters = sum(map(len, counted.values()))
    findings = list(dict.fromkeys(findings))
    differences, failed = _differences(table, counted), _failed(after, findings)
    return Verification(len(keys), len(datasets), counters, findings, differences, failed)


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
        ResultsBucket(s3, stack.outputs["ResultsBucket"]),
        load_definitions(),
        cache(lambda: AsOf.parse(ingest_function(stack).as_of_rule())),
        _catalogue(stack),
    )


def _catalogue(stack: Deployed) -> GlueCatalog | None:
    database = stack.outputs.get("RowsDatabase")
    if database is None:
        return None
    results = ResultsBucket(stack.s3(), stack.outputs["ResultsBucket"])
    sources = SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"])
    return GlueCatalog(
        stack.glue(), database, results, load_definitions(), sources, "", lambda: datetime.now(UTC), lambda: 0
    )


def _segments(stack: Deployed) -> SegmentsTable:
    return SegmentsTable(stack.dynamodb(), stack.outputs["SegmentsTable"])


def _moments(sources: SourcesTable) -> Moments:
    return {source.key: Moment.of(source) for source in sources.scan() if not source.is_gone}


def _failed(now: Moments, findings: Iterable[Finding]) -> dict[str, str]:
    elsewhere = {finding.source for finding in findings}
    return {
        source: moment.failure.error or f"'{source}' failed"
        for source, moment in sorted(now.items())
        if moment.failure and source not in elsewhere
    }


def _findings(before: Moments, after: Moments, keys: set[str]) -> Iterator[Finding]:
    for source in sorted(before.keys() | after.keys()):
        now = after.get(source)
        if now is None or now.is_other_than(before.get(source)):
            yield Finding(Problem.CHANGED, source)
        elif now.cut_off:
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
        while piece := list(islice(rest, MAX_COUNTERS_IN_CORRECTION)):
            yield cell, piece
