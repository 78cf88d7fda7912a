"""Count one source again on this machine, and compare it with its record."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property, partial

from ingest.commit.room import find_large_additions, has_room
from ingest.config import Settings
from ingest.counting.as_of import AsOf, microseconds, read_metadata
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError, SupersededError
from ingest.parquet.column_names import ColumnRule
from ingest.parquet.reader import Selection
from ingest.row_outputs.glue_catalog import GlueCatalog
from ingest.service import check_rows
from ingest.storage.s3_objects import ObjectVersion, find_object, open_object
from ingest.storage.tables import refuse_table_file
from voucher_selector.operations.dataset_run import find_dataset
from voucher_selector.operations.findings import Finding, Problem
from voucher_selector.operations.invoke import IngestFunction
from voucher_selector.stack import Deployed
from vouchers.counts import Contribution, difference
from vouchers.dynamodb.sources_table import Source, State, Status
from vouchers.segments import Definitions, load_definitions


class Recount:
    """Counts the sources of a stack again."""

    def __init__(self, stack: Deployed, definitions: Definitions | None = None) -> None:
        self.stack, self.s3, self.bucket = stack, stack.s3(), stack.outputs["UploadsBucket"]
        self.sources, self.results = stack.sources_table(), stack.results_bucket()
        self.definitions = definitions or load_definitions()

    @cached_property
    def settings(self) -> Settings:
        """The settings of the stack's ingest function."""
        return IngestFunction.of(self.stack).settings()

    @cached_property
    def catalog(self) -> GlueCatalog | None:
        """The Glue catalog if the stack keeps segmented rows."""
        database = self.stack.outputs.get("RowsDatabase")
        if database is None:
            return None
        glue = self.stack.session.client("glue", endpoint_url=self.stack.endpoint)
        now = partial(datetime.now, UTC)
        return GlueCatalog(glue, database, self.results, self.definitions, self.sources, "", now, lambda: 0)

    def of_object(self, key: str) -> tuple[Contribution, list[Finding]]:
        """Count an object; return its contribution and the problems of its source."""
        source = self.sources.load(key)
        try:
            version = find_object(self.s3, self.bucket, key)
            contribution = self.count(version, source.state)
        except SupersededError:
            return {}, [Finding(Problem.CHANGED, key)]
        except FileError:
            failed = source.state is not None and source.state.status is Status.FAILED
            return {}, [] if failed else [Finding(Problem.FAILS, key)]
        if source.is_unfinished:
            return contribution or {}, [Finding(Problem.UNFINISHED, key)]
        problems = self._compare(version, source, contribution)
        return contribution or {}, [Finding(problem, key) for problem in problems]

    def of_dataset(self, key: str) -> tuple[Contribution, list[Finding]]:
        """Return the recorded contribution of a dataset, which may be too large to count here."""
        source = self.sources.load(key)
        state = source.state
        if state is None or source.pending:
            return {}, []
        problems = list[Problem]()
        now = find_dataset(self.stack, key)
        if not now.objects:
            problems.append(Problem.GONE)
        elif now.etag != state.etag:
            problems.append(Problem.REPLACED)
        elif state.definitions != self.definitions.version and state.status is Status.COUNTED:
            problems.append(Problem.REDEFINED)
        lost = not all(map(self.results.has, state.objects))
        if lost:
            problems.append(Problem.LOST)
        contribution = {} if lost else self.results.load_contribution(state)
        return contribution, [Finding(problem, key) for problem in problems]

    def count(self, version: ObjectVersion, state: State | None) -> Contribution | None:
        """Return the contribution of an object; None if it cannot be counted."""
        settings = self.settings
        try:
            as_of, mapping = read_metadata(
                version.metadata, settings.recency_as_of, settings.column_names, datetime.now(UTC)
            )
        except FileError:
            return None
        if state and state.as_of and state.is_of(version.version_id, version.etag):
            as_of = AsOf.parse(state.as_of)
        # Where segmented rows are kept, more columns are read, and each may be what a file fails by.
        callbacks = RowCallbacks(keep=(lambda *_: None) if self.catalog else None)
        try:
            refuse_table_file(self.s3, version.bucket, version.key, self.stack.prefix)
            with open_object(self.s3, version) as file:
                moment = microseconds(as_of.at(version.modified))
                selection = Selection(ColumnRule(mapping, version.key))
                counted = count_file(file, moment, self.definitions, callbacks, selection)
                check_rows(counted.report, settings.max_rows)
        except FileError:
            return None
        if state is None or state.status is not Status.FAILED:
            return counted.contribution
        table, additions = self.stack.segments_table(), find_large_additions(counted.contribution)
        fits = all(has_room(table, cell, added) for cell, added in additions)
        return counted.contribution if fits else None

    def _compare(
        self, version: ObjectVersion, source: Source, counted: Contribution | None
    ) -> Iterator[Problem]:
        state = source.state
        if state is None or not state.is_of(version.version_id, version.etag):
            yield Problem.UNCOUNTED
        elif counted is None:
            if state.status is not Status.FAILED:
                yield Problem.FAILS
        elif state.status is Status.FAILED:
            yield Problem.COUNTABLE
        elif state.definitions != self.definitions.version:
            yield Problem.REDEFINED
        elif not all(map(self.results.has, state.objects)):
            yield Problem.LOST
        elif difference(self.results.load_contribution(state), counted):
            yield Problem.MISTAKEN
        else:
            yield from self._compare_rows(source.key, state)

    def _compare_rows(self, key: str, state: State) -> Iterator[Problem]:
        if self.catalog is None:
            if state.rows_folder:
                yield Problem.KEEPS_ROWS
        elif state.report["counted"] and not state.rows_folder:
            yield Problem.ROWLESS
        elif not self.catalog.points_to(key, state.rows_folder):
            yield Problem.MISLISTED
