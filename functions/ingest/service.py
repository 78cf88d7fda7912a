"""One event of an object → the counts as they should be after it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import uuid4

from ingest.commit.committer import results_key
from ingest.commit.transactions import ConflictError
from ingest.counting.as_of import AsOf, microseconds, recorded
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError, SupersededError
from ingest.events import Kind
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.row_outputs.segmented_writer import SegmentedRows
from ingest.storage.partition_names import TABLE
from ingest.storage.s3_objects import AS_OF_METADATA, find_object, open_object
from vouchers.dynamodb.sources_table import EventOrder, State, Status
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mypy_boto3_s3 import S3Client

    from ingest.commit.committer import Committer
    from ingest.events import ObjectEvent
    from ingest.storage.s3_objects import ObjectVersion
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import Source
    from vouchers.segments import Definitions


class Action(StrEnum):
    """What an event led to; its retry finishes an interrupted one, the three before change nothing."""

    COUNTED = "counted"
    DELETED = "deleted"
    FAILED = "failed"
    DUPLICATE = "duplicate"
    LATE = "late"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event led to, what it made of the source, if anything, and what went wrong, if anything."""

    action: Action
    state: State | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IngestService:
    """Applies events: where objects are, where commits are kept, and the rules that counting follows."""

    objects: S3Client
    committer: Committer
    definitions: Definitions
    as_of: AsOf

    def apply(self, event: ObjectEvent) -> Outcome:
        """Make the counts what they should be after ``event``; do nothing if that is what they are.

        A file that cannot be counted contributes nothing, and its source is recorded as failed. Raises what
        ``Committer`` raises, and botocore's errors when S3 refuses or cannot be reached.
        """
        plan: _Plan | None = None
        while True:
            source = self.committer.load_settled(event.key)
            plan = self._next(event, source, plan)
            try:
                self._carry_out(event, source, plan)
            except ConflictError:
                continue
            return plan.outcome

    def _next(self, event: ObjectEvent, source: Source, last: _Plan | None) -> _Plan:
        """Return what to lead ``source`` to: what was aimed at last, if that is where it is by now."""
        if last and last.state:
            if last.state == source.state:
                return last
            self.committer.results.delete(last.state.objects - source.objects)
        try:
            return self._aim(event, source)
        except SupersededError:
            return _Plan(Action.SUPERSEDED)

    def _carry_out(self, event: ObjectEvent, source: Source, plan: _Plan) -> None:
        """Commit, and only then see to what else is to be done, so that counts wait for nothing else."""
        if plan.state and plan.state != source.state:
            source = self.committer.commit(source, plan.state, plan.contribution)
        source = self.committer.clean_up(source)
        if event.kind is Kind.REPLAYED:
            self.committer.looked_after(source)

    def _aim(self, event: ObjectEvent, source: Source) -> _Plan:
        if old_news := _old_news(event, source.state):
            return _Plan(old_news)
        target = resolve_target(event, source.state, self.objects)
        state = self._state(target)
        try:
            as_of = self._as_of(target.version).at(target.uploaded) if target.version else None
            state = replace(state, as_of=recorded(as_of) if target.version else None)
            if event.kind is Kind.REPLAYED and not event.forced and self._is_up_to_date(source.state, state):
                return _Plan(Action.DUPLICATE)
            return self._counted(target.version, source, state, as_of) if target.version else _reaching(state)
        except FileError as error:
            sentence = f"'{event.key}' was not counted: {error}; {error.advice}"
            return _reaching(replace(state, status=Status.FAILED, error=sentence))

    def _state(self, target: Target) -> State:
        version = target.version
        return State(
            Status.COUNTED if version else Status.DELETED,
            target.sequencer,
            target.event_time,
            committed_at=iso(self.committer.now()),
            definitions=self.definitions.version,
            uploaded_at=iso(target.uploaded) if version else None,
            version_id=version.version_id if version else None,
            etag=version.etag if version else None,
        )

    def _as_of(self, version: ObjectVersion) -> AsOf:
        text = version.metadata.get(AS_OF_METADATA)
        try:
            return self.as_of if text is None else AsOf.parse(text)
        except ValueError as error:
            said = f"its metadata x-amz-meta-{AS_OF_METADATA} is {error}"
            raise FileError(said, "upload the file again with such an as-of date") from None

    def _counted(self, version: ObjectVersion, source: Source, state: State, as_of: datetime | None) -> _Plan:
        started = time.monotonic()
        kept = self._segmented(source, as_of)
        with open_object(self.objects, version) as file, RejectedRows() as rejected, kept as rows:
            keep = rows.add if rows else None
            counted = count_file(
                file, microseconds(as_of), self.definitions, RowCallbacks(rejected.add, keep)
            )
            rows_folder = rows.store() if rows else None
            prefix = results_key("rejected", source, "")
            rejected_object = rejected.store(self.committer.results, prefix)
        seconds = round(time.monotonic() - started, 3)
        report = counted.report.as_dict() | {"as_of": state.as_of, "seconds": seconds}
        state = replace(state, report=report, rejected_object=rejected_object, rows_folder=rows_folder)
        return _reaching(
            self.committer.store_contribution(source, state, counted.contribution), counted.contribution
        )

    def _segmented(
        self, source: Source, as_of: datetime | None
    ) -> AbstractContextManager[SegmentedRows | None]:
        if self.committer.catalog is None:
            return nullcontext()
        folder = results_key(TABLE, source, f"{uuid4().hex}/")
        return SegmentedRows(self.committer.results, folder, self.definitions, microseconds(as_of))

    def _is_up_to_date(self, state: State | None, plan: State) -> bool:
        """Say whether counting again would contribute what ``state`` contributes already, rows and all."""
        if plan.status is Status.DELETED:
            return state is None or state.status is Status.DELETED
        same = ("status", "version_id", "etag", "definitions", "as_of")
        if state is None or any(getattr(state, name) != getattr(plan, name) for name in same):
            return False
        keeps_rows = self.committer.catalog is not None and state.report["counted"] > 0
        return keeps_rows == (state.rows_folder is not None)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an event leads to: a state, with what that contributes, or none, where it changes nothing."""

    action: Action
    state: State | None = None
    contribution: Contribution = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.action, self.state, self.state.error if self.state else None)


def _reaching(state: State, contribution: Contribution | None = None) -> _Plan:
    return _Plan(Action(state.status), state, contribution or {})


def _old_news(event: ObjectEvent, state: State | None) -> Action | None:
    if state is None or event.kind is Kind.REPLAYED or event.order > state.order:
        return None
    if event.order < state.order:
        return Action.LATE
    return None if state.status is Status.FAILED else Action.DUPLICATE


@dataclass(frozen=True, slots=True)
class Target:
    """The version to count (None: there is no object), when it was uploaded, and the order it has."""

    version: ObjectVersion | None
    uploaded: datetime
    sequencer: str
    event_time: str

    @property
    def order(self) -> EventOrder:
        """Where it stands among the events of the object."""
        return EventOrder.of(self.sequencer, self.event_time)


def resolve_target(event: ObjectEvent, state: State | None, objects: S3Client) -> Target:
    """Return what the counts are to rest on after ``event``, given the state that they rest on now.

    A creation speaks of one version. The deletion of a version, and a replay, ask for the object that is
    there now; a replay leaves the order as it is, for any event that is on its way must still win.

    Raises:
        SupersededError: if the version that was created is no longer there.
    """
    if event.kind is Kind.CREATED:
        version = find_object(objects, event.bucket, event.key, event.version_id, event.etag)
        return Target(version, event.time, event.sequencer, iso(event.time))
    current = None if event.leaves_nothing else _current(event, objects)
    uploaded = _uploaded(current, state) if current else event.time
    if event.kind is Kind.REMOVED:
        return Target(current, uploaded, event.sequencer, iso(event.time))
    if state is None:
        return Target(current, uploaded, "", iso(uploaded))
    return Target(current, uploaded, state.sequencer, state.event_time)


def _current(event: ObjectEvent, objects: S3Client) -> ObjectVersion | None:
    try:
        return find_object(objects, event.bucket, event.key)
    except SupersededError:
        return None


def _uploaded(version: ObjectVersion, state: State | None) -> datetime:
    known = state and (state.version_id, state.etag) == (version.version_id, version.etag)
    return (
        datetime.fromisoformat(state.uploaded_at)
        if known and state and state.uploaded_at
        else version.modified
    )
