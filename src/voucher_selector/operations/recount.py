"""One object of the bucket, counted afresh on this machine, and what its source says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.counting.as_of import AsOf, microseconds
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError, SupersededError
from ingest.storage.s3_objects import AS_OF_METADATA, find_object, open_object
from voucher_selector.operations.findings import Finding, Problem
from voucher_selector.spark_job.listing import list_dataset
from vouchers.counts import difference
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

    from ingest.row_outputs.glue_catalog import GlueCatalog
    from ingest.storage.results_bucket import ResultsBucket
    from ingest.storage.s3_objects import ObjectVersion
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import Source, SourcesTable, State
    from vouchers.segments import Definitions


@dataclass(frozen=True, slots=True)
class Recount:
    """Counts objects afresh: where they and their sources are, and the rules that counting follows.

    ``as_of`` gives the stack's as-of date for objects that name none and were not counted yet, and
    ``catalog`` is there where the stack keeps segmented rows.
    """

    s3: S3Client
    bucket: str
    sources: SourcesTable
    results: ResultsBucket
    definitions: Definitions
    as_of: Callable[[], AsOf]
    catalog: GlueCatalog | None = None

    def of(self, key: str) -> tuple[Contribution, list[Finding]]:
        """Return what an object contributes to the counts, and what is wrong with its source."""
        try:
            version = find_object(self.s3, self.bucket, key)
            source = self.sources.load(key)
            return self._compared(version, source)
        except SupersededError:
            return {}, [Finding(Problem.CHANGED, key)]

    def of_dataset(self, key: str) -> tuple[Contribution, list[Finding]]:
        """Return what is recorded of a dataset, whose objects may be too many to be counted here."""
        source = self.sources.load(key)
        if source.state is None or source.pending:
            return {}, []  # It is told of with all that were cut off.
        problems = [*self._problems_of_dataset(source.key, source.state)]
        lost = Problem.LOST in problems
        contribution = {} if lost else self.results.load_contribution(source.state)
        return contribution, [Finding(problem, key) for problem in problems]

    def _problems_of_dataset(self, key: str, state: State) -> Iterator[Problem]:
        now = list_dataset(self.s3, self.bucket, key)
        if not now.objects:
            yield Problem.GONE
        elif now.etag != state.etag:
            yield Problem.REPLACED
        elif state.definitions != self.definitions.version and state.status is Status.COUNTED:
            yield Problem.REDEFINED
        if not all(map(self.results.has, state.objects)):
            yield Problem.LOST

    def _compared(self, version: ObjectVersion, source: Source) -> tuple[Contribution, list[Finding]]:
        try:
            counted = self._count(version, source.state)
        except FileError:
            return {}, [Finding(p, source.key) for p in _problems_of_failure(version, source)]
        problems = self._problems(version, source, counted)
        return counted, [Finding(p, source.key) for p in problems]

    def _count(self, version: ObjectVersion, state: State | None) -> Contribution:
        as_of = self._as_of(version, state).at(version.modified)
        with open_object(self.s3, version) as file:
            # Where rows are kept, a column more may be what a file fails by.
            keep = _ignore if self.catalog else None
            return count_file(
                file, microseconds(as_of), self.definitions, RowCallbacks(keep=keep)
            ).contribution

    def _as_of(self, version: ObjectVersion, state: State | None) -> AsOf:
        if state and state.as_of and _is_of(state, version):
            return AsOf.parse(state.as_of)
        text = version.metadata.get(AS_OF_METADATA)
        try:
            return self.as_of() if text is None else AsOf.parse(text)
        except ValueError as error:
            raise FileError(str(error)) from None

    def _problems(self, version: ObjectVersion, source: Source, counted: Contribution) -> Iterator[Problem]:
        state = source.state
        if source.is_unfinished:
            return  # It is told of with all that were cut off.
        if state is None or not _is_of(state, version):
            yield Problem.UNCOUNTED
        elif state.status is Status.FAILED:
            yield Problem.COUNTABLE
        elif state.definitions != self.definitions.version:
            yield Problem.REDEFINED
        elif not all(map(self.results.has, state.objects)):
            yield Problem.LOST
        elif difference(self.results.load_contribution(state), counted):
            yield Problem.MISTAKEN
        else:
            yield from self._problems_of_rows(source.key, state)

    def _problems_of_rows(self, key: str, state: State) -> Iterator[Problem]:
        if self.catalog is None:
            if state.rows_folder:
                yield Problem.KEEPS_ROWS
        elif state.report["counted"] and not state.rows_folder:
            yield Problem.ROWLESS
        elif not self.catalog.points_to(key, state.rows_folder):
            yield Problem.MISLISTED


def _problems_of_failure(version: ObjectVersion, source: Source) -> Iterator[Problem]:
    if source.is_unfinished:
        return
    if source.state is None or not _is_of(source.state, version):
        yield Problem.UNCOUNTED
    elif source.state.status is not Status.FAILED:
        yield Problem.FAILS


def _ignore(*_: object) -> None:
    """Keep nothing."""


def _is_of(state: State, version: ObjectVersion) -> bool:
    return (state.version_id, state.etag) == (version.version_id, version.etag)
