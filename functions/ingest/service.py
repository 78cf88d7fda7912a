"""Bring the counts of a source to what its object contains: an uploaded file, or a dataset."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from ingest.commit.committer import Committer
from ingest.commit.event_bus import EventBus
from ingest.counting.as_of import AsOf, microseconds, read_metadata, recorded
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.counting.dimensions import Dimensions
from ingest.counting.encoding import EncodedColumn
from ingest.errors import FileError, SupersededError
from ingest.events import Kind, ObjectEvent, is_folder
from ingest.parquet.column_names import NO_MAPPING, ColumnMapping, ColumnRule
from ingest.parquet.reader import Selection
from ingest.retry import ConflictError
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.storage.partition_names import TABLE
from ingest.storage.results_bucket import ResultKeys
from ingest.storage.s3_objects import ObjectVersion, find_object, open_object
from ingest.storage.tables import refuse_table_file, table_begun_by
from vouchers.counts import Cell, Contribution, Counters, uses_by_country
from vouchers.dynamodb.sources_table import Source, State, Status
from vouchers.keys import PREFIX, is_upload
from vouchers.report import Report
from vouchers.segments import Definitions
from vouchers.timestamps import iso

if TYPE_CHECKING:
    import pyarrow as pa
    from mypy_boto3_s3 import S3Client

TOO_MANY_ROWS = "upload a corrected file under the same key, split it, or raise the parameter"


class Action(StrEnum):
    """The outcome of an event.

    Duplicate, late, superseded and ignored events change nothing. A refused event is not one of the uploads
    bucket. An interrupted event is retried.
    """

    COUNTED = "counted"
    DELETED = "deleted"
    FAILED = "failed"
    DUPLICATE = "duplicate"
    LATE = "late"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an event, the new state of its source if it changed, and the error if there was one."""

    action: Action
    state: State | None = None
    error: str | None = None


class CountedRows(NamedTuple):
    """The result of counting: the contribution, the report on the rows, and keys in the results bucket."""

    contribution: Contribution
    report: dict[str, Any]
    rejected_object: str | None = None
    rows_folder: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The state that a source should get, without a report, and a function that counts its rows, if any."""

    state: State
    count: Callable[[ResultKeys], CountedRows] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The commit that leads a source to its target; without a state, there is nothing to commit."""

    action: Action
    state: State | None = None
    contribution: Contribution = field(default_factory=dict)


class RowWriter(Protocol):
    """Writes the counted rows of a file."""

    def add(self, batch: pa.RecordBatch, columns: Sequence[EncodedColumn], dimensions: Dimensions) -> None:
        """Add the counted rows of a batch."""

    def store(self) -> str | None:
        """Write the remaining rows, and return their folder in the results bucket; None if there are none."""


class RowOutput(Protocol):
    """An optional output of counted rows, such as ``row_outputs.glue_catalog.GlueCatalog``."""

    def open_writer(self, keys: ResultKeys, as_of: int | None) -> AbstractContextManager[RowWriter]:
        """Return a writer for the rows of one file."""

    def reconcile(self, source: Source, *, inspect: bool) -> Source:
        """Make the output follow a committed source."""


@dataclass(frozen=True, slots=True)
class IngestService:
    """Counts sources and commits them.

    Attributes:
        objects: a client of S3, where the objects are.
        committer: of the counts.
        definitions: the segments.
        as_of: the rule for the as-of date of objects that name none.
        columns: the names of columns in objects that do not map them.
        row_output: for the counted rows, if they are kept.
        max_rows: the most rows of an object; None for no limit.
        prefix: of the uploads' keys.
        event_bus: to tell what became of a source; None to tell nobody.
    """

    objects: S3Client
    committer: Committer
    definitions: Definitions
    as_of: AsOf
    columns: ColumnMapping = NO_MAPPING
    row_output: RowOutput | None = None
    max_rows: int | None = None
    prefix: str = PREFIX
    event_bus: EventBus | None = None

    def apply(self, event: ObjectEvent) -> Outcome:
        """Bring the counts to the state after ``event``, if they are not there.

        A file that cannot be counted contributes nothing, and its source is recorded as failed. An event that
        changes no file of rows is ignored.

        Raises:
            RetryTimeoutError: if other commits were in the way until the time was up.
            EventBusError: if the source is committed, but its event could not be sent.
            botocore.exceptions.BotoCoreError: if AWS cannot be reached.
            botocore.exceptions.ClientError: if AWS refuses.
        """
        if event.kind is Kind.CREATED and (root := table_begun_by(event.key)) is not None:
            self._count_again(event, root)
        if event.kind is Kind.UNCHANGED or not is_upload(event.key, self.prefix):
            return Outcome(Action.IGNORED)
        plan: Plan | None = None
        while True:
            source = self.committer.load_settled(event.key)
            if plan is None or plan.state is None or plan.state != source.state:
                if plan and plan.state:
                    self.committer.results.delete(plan.state.objects - source.objects)
                plan = self._plan_event(event, source)
            with suppress(ConflictError):
                return self.carry_out(source, plan, inspect=event.kind is Kind.REPLAYED)

    def _count_again(self, event: ObjectEvent, root: str) -> None:
        """Look again at the counted objects of a table. Its first files can be older than its metadata."""
        pages = self.objects.get_paginator("list_objects_v2").paginate(Bucket=event.bucket, Prefix=root)
        for key in (entry["Key"] for page in pages for entry in page.get("Contents", [])):
            state = self.committer.load_settled(key).state if is_upload(key, self.prefix) else None
            if state and state.status is Status.COUNTED:
                replay = replace(event, kind=Kind.REPLAYED, key=key, sequencer="", forced=True)
                self.apply(replace(replay, version_id=None, etag=None))

    def _plan_event(self, event: ObjectEvent, source: Source) -> Plan:
        replayed = event.kind is Kind.REPLAYED
        if source.state and not replayed and event.order <= source.state.order:
            if event.order < source.state.order:
                return Plan(Action.LATE)
            if source.state.status is not Status.FAILED:
                return Plan(Action.DUPLICATE)
        try:
            target = self.resolve_target(event, source.state)
            if event.kind is Kind.CREATED and target.count is None and source.is_gone:
                return Plan(Action.IGNORED)
            return self.plan(source, target, check=replayed and not event.forced)
        except SupersededError:
            return Plan(Action.SUPERSEDED)

    def resolve_target(self, event: ObjectEvent, current: State | None) -> Target:
        """Resolve an event to the object version to count, its as-of date and its place in the event order.

        A creation names one version. A replay looks at the object that exists now, and keeps the place of the
        current state, since any event that is still under way must win. An empty folder counts as no object.

        Raises:
            SupersededError: if the created version no longer exists, or the removed object exists again.
        """
        sequencer, event_time = event.sequencer, iso(event.time)
        if event.kind is Kind.REPLAYED:
            sequencer, event_time = (current.sequencer, current.event_time) if current else ("", event_time)
        state = State(Status.DELETED, sequencer, event_time, "", self.definitions.version)
        try:
            version = self._find_version(event)
        except FileError as error:
            state = replace(state, status=Status.FAILED, version_id=event.version_id, etag=event.etag)
            return Target(state, partial(refuse, error))
        if version is None:
            return Target(state)
        uploaded = event.time
        if event.kind is Kind.REPLAYED:
            uploaded = version.modified
            if current is None:
                state = replace(state, event_time=iso(uploaded))
            elif current.uploaded_at and current.is_of(version.version_id, version.etag):
                uploaded = datetime.fromisoformat(current.uploaded_at)
        state = replace(state, status=Status.COUNTED, uploaded_at=iso(uploaded))
        state = replace(state, version_id=version.version_id, etag=version.etag)
        try:
            now = self.committer.now()
            as_of_rule, mapping = read_metadata(version.metadata, self.as_of, self.columns, now)
        except FileError as error:
            return Target(state, partial(refuse, error))
        as_of, rule = as_of_rule.at(uploaded), ColumnRule(mapping, version.key)
        state = replace(state, as_of=recorded(as_of), columns=str(mapping) or None)
        return Target(state, partial(self._count_object, version, microseconds(as_of), rule))

    def _find_version(self, event: ObjectEvent) -> ObjectVersion | None:
        version = None
        if event.kind is Kind.CREATED:
            version = find_object(self.objects, event.bucket, event.key, event.version_id, event.etag)
        else:
            with suppress(SupersededError):
                version = find_object(self.objects, event.bucket, event.key)
            if version and event.kind is Kind.REMOVED:
                # The event that created it again counts it.
                raise SupersededError(f"'{event.key}' exists again")
        return None if version and is_folder(version.key, version.size) else version

    def plan(self, source: Source, target: Target, *, check: bool) -> Plan:
        """Count the rows of a target, and store the results.

        Args:
            source: as loaded.
            target: what to make of it.
            check: whether to count only if the source is not up to date.

        Raises:
            SupersededError: if the object is replaced or deleted while it is counted.
        """
        if check and self.is_up_to_date(source.state, target.state):
            return Plan(Action.DUPLICATE)
        state, contribution = target.state, dict[Cell, Counters]()
        if target.count:
            keys, started = ResultKeys.of(source), time.monotonic()
            try:
                counted = target.count(keys)
            except FileError as error:
                sentence = f"'{source.key}' was not counted: {error}; {error.advice}"
                state = replace(state, status=Status.FAILED, error=sentence)
            else:
                contribution = counted.contribution
                seconds = round(time.monotonic() - started, 3)
                stored: Any = self.committer.results.store_contribution(keys, contribution)
                state = replace(
                    state,
                    report={
                        **counted.report,
                        "countries": uses_by_country(contribution),
                        "as_of": state.as_of,
                        "seconds": seconds,
                    },
                    rejected_object=counted.rejected_object,
                    rows_folder=counted.rows_folder,
                    **stored,
                )
        state = replace(state, committed_at=iso(self.committer.now()))
        return Plan(Action(state.status), state, contribution)

    def carry_out(self, source: Source, plan: Plan, *, inspect: bool = False) -> Outcome:
        """Commit a plan. Only then make the row output follow it, so that counts wait for nothing else.

        The outcome is a failure if DynamoDB cannot hold the counts.

        Args:
            source: as loaded.
            plan: for it.
            inspect: whether to compare the row output even if nothing is known to be wrong.

        Raises:
            ConflictError: if the source has changed since it was loaded.
            EventBusError: if the source is committed, but its event could not be sent.
        """
        if plan.state and plan.state != source.state:
            source = self.committer.commit(source, plan.state, plan.contribution)
        committed = source.state
        while self.row_output:
            with suppress(ConflictError):
                source = self.row_output.reconcile(source, inspect=inspect)
                break
            # Do not commit again, or two events that may be applied repeatedly would never end.
            source = self.committer.load_settled(source.key)
        self.delete_orphans(source)
        # A duplicate may repeat an attempt that ended between the commit and its event.
        if self.event_bus and committed and (plan.state or plan.action is Action.DUPLICATE):
            self.event_bus.publish(source.key, committed)
        if plan.state is None or committed is None:
            return Outcome(plan.action)
        return Outcome(Action(committed.status), committed, committed.error)

    def delete_orphans(self, source: Source) -> None:
        """Delete the results that a source refers to no longer.

        Without a row output the function has no permission to list folders of segmented rows; ``make replay``
        deletes them.
        """
        if source.orphans:
            folders = {name for name in source.orphans if name.startswith(f"{TABLE}/")}
            self.committer.results.delete(source.orphans - (set() if self.row_output else folders))
            self.committer.sources.remove_orphans(source)

    def is_up_to_date(self, current: State | None, target: State) -> bool:
        """Return whether counting again would give what ``current`` has, row output included."""
        if target.status is Status.DELETED:
            return current is None or current.status is Status.DELETED
        if current is None or not current.is_of(target.version_id, target.etag or ""):
            return False
        decisive = attrgetter("status", "definitions", "as_of", "columns")
        keeps_rows = self.row_output is not None and current.report.get("counted", 0) > 0
        return decisive(current) == decisive(target) and keeps_rows == (current.rows_folder is not None)

    def _count_object(
        self, version: ObjectVersion, as_of: int | None, rule: ColumnRule, keys: ResultKeys
    ) -> CountedRows:
        refuse_table_file(self.objects, version.bucket, version.key, self.prefix)
        writer = self.row_output.open_writer(keys, as_of) if self.row_output else nullcontext()
        with open_object(self.objects, version) as file, RejectedRows() as rejected, writer as rows:
            callbacks = RowCallbacks(rejected.add, rows.add if rows else None)
            counted = count_file(file, as_of, self.definitions, callbacks, Selection(rule))
            check_rows(counted.report, self.max_rows)
            folder = rows.store() if rows else None
            rejected_object = rejected.store(self.committer.results, keys.rejected)
        return CountedRows(counted.contribution, counted.report.as_dict(), rejected_object, folder)


def check_rows(report: Report, max_rows: int | None) -> None:
    """Check that an object has no more rows than allowed; None allows any number.

    Raises:
        FileError: if it has.
    """
    if max_rows is not None and report.rows > max_rows:
        raise FileError(f"it has {report.rows:,} rows, and MaxRowsPerFile is {max_rows:,}", TOO_MANY_ROWS)


def refuse(error: FileError, _: ResultKeys) -> NoReturn:
    """Count nothing, since the object cannot be read, or says what cannot be followed.

    Raises:
        FileError: ``error``.
    """
    raise error
