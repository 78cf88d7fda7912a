"""Compare the table with a fresh count of the bucket, and repair the table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ingest.commit.committer import Committer
from ingest.counting.as_of import UPLOAD, AsOf
from ingest.retry import ConflictError, RetryTimeoutError
from ingest.service import Action, IngestService, Plan
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.findings import Difference, Finding, Problem, Verification
from voucher_selector.operations.garbage import find_garbage
from voucher_selector.operations.recount import Recount
from voucher_selector.operations.upload import DATASETS, MAX_SECONDS
from voucher_selector.stack import Deployed
from vouchers.counts import Cell, difference
from vouchers.dynamodb.segments_table import MAX_COUNTERS_IN_CORRECTION
from vouchers.dynamodb.sources_table import Source, SourcesTable, State, Status
from vouchers.segments import load_definitions
from vouchers.timestamps import iso


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A source at one moment: its revision, whether a commit is unfinished, and the state of its failure.

    Two snapshots of a source differ if a commit in between may have changed a count.
    """

    revision: int
    unfinished: bool
    failure: State | None

    @classmethod
    def of(cls, source: Source) -> Snapshot:
        """Return the snapshot of a source."""
        state = source.state
        if state and state.status is Status.FAILED and not source.is_unfinished:
            # Lambda retries the event of a file that cannot be counted, and each retry records the same
            # failure at another revision and time.
            return cls(0, unfinished=False, failure=replace(state, committed_at=""))
        return cls(source.revision, source.is_unfinished, None)


Snapshots = dict[str, Snapshot]
"""By the source's key."""


def compare(stack: Deployed, keys: Collection[str], advance: Callable[[int], None]) -> Verification:
    """Compare the table with a fresh count of objects and the recorded counts of datasets.

    ``keys`` are those of all objects to count; ``advance`` is called with 1 after each object.
    """
    recount = Recount(stack)
    before = _take_snapshots(recount.sources)
    datasets = {key for key in before if key.startswith(DATASETS)}
    counted, findings = defaultdict[Cell, Counter[str]](Counter), list[Finding]()
    for key in (*datasets, *keys):
        contribution, found = recount.of_dataset(key) if key in datasets else recount.of_object(key)
        findings += found
        for cell, counters in contribution.items():
            counted[cell].update(counters)
        if key not in datasets:
            advance(1)
    counted_datasets = sorted(key for key in datasets if not before[key].failure)
    findings += [
        Finding(Problem.NESTED, inner)
        for inner in counted_datasets
        if any(inner.startswith(outer) and inner != outer for outer in counted_datasets)
    ]
    table = stack.segments_table().counters()
    after = _take_snapshots(recount.sources)
    findings += _compare_snapshots(before, after, {*keys, *datasets})
    for prefix in (stack.prefix, DATASETS):
        findings += [Finding(Problem.GARBAGE, name) for name in find_garbage(stack, prefix)]

    differences = [
        Difference(*cell, name, table.get(cell, {}).get(name, 0), counted[cell][name])
        for cell, counters in difference(table, counted).items()
        for name in counters
    ]
    inconsistent = {finding.source for finding in findings}
    failed = {
        source: snapshot.failure.error or f"'{source}' failed"
        for source, snapshot in sorted(after.items())
        if snapshot.failure and source not in inconsistent
    }
    problems, counters_ = list(dict.fromkeys(findings)), sum(map(len, counted.values()))
    return Verification(len(keys), len(datasets), counters_, failed, problems, differences)


def repair(stack: Deployed, differences: Iterable[Difference]) -> int:
    """Set counters to the fresh count unless they changed meanwhile; return how many were left.

    The verification must be one that ``can_be_repaired``: as no source changed during it, the differences are
    errors of the table. A later commit adds only changes of contributions, which keeps such a difference. A
    commit during the repair makes the condition on its counters fail.
    """
    table, left = stack.segments_table(), 0
    cells = defaultdict[Cell, list[Difference]](list)
    for difference_ in differences:
        cells[Cell(difference_.country, difference_.cell)].append(difference_)
    for cell, all_of_cell in cells.items():
        for start in range(0, len(all_of_cell), MAX_COUNTERS_IN_CORRECTION):
            batch = all_of_cell[start : start + MAX_COUNTERS_IN_CORRECTION]
            read = {d.counter: d.in_table for d in batch}
            right = {d.counter: d.counted for d in batch}
            if not table.correct(cell, read, right, iso(datetime.now(UTC))):
                left += len(batch)
    return left


def withdraw(stack: Deployed, dataset: str) -> None:
    """Delete the source of a dataset, and subtract its counts. Its objects stay.

    Raises:
        CommandError: if other commits are in the way.
    """
    sources, results = stack.sources_table(), stack.results_bucket()
    now, segments, definitions = datetime.now(UTC), stack.outputs["SegmentsTable"], load_definitions()
    committer = Committer(stack.dynamodb(), sources, segments, results, lambda: now, lambda: MAX_SECONDS)
    state = State(Status.DELETED, "", iso(now), iso(now), definitions.version)
    service = IngestService(stack.s3(), committer, definitions, AsOf(UPLOAD))
    try:
        service.carry_out(committer.load_settled(dataset), Plan(Action.DELETED, state))
    except (ConflictError, RetryTimeoutError):
        raise CommandError(f"{dataset} changed meanwhile. Verify again.", Exit.NO) from None


def _take_snapshots(sources: SourcesTable) -> Snapshots:
    return {source.key: Snapshot.of(source) for source in sources.scan() if not source.is_gone}


def _compare_snapshots(before: Snapshots, after: Snapshots, keys: set[str]) -> Iterator[Finding]:
    for source in sorted(before.keys() | after.keys()):
        now = after.get(source)
        if now is None or now != before.get(source):
            yield Finding(Problem.CHANGED, source)
        elif now.unfinished:
            yield Finding(Problem.UNFINISHED, source)
        elif source not in keys:
            yield Finding(Problem.GONE, source)
