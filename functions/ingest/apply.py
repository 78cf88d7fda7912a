"""One event of an object → the counts as they should be after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest.as_of import AsOf, microseconds, recorded
from ingest.commit import results_key
from ingest.count import count_file
from ingest.errors import FileError, SupersededError
from ingest.objects import AS_OF_METADATA, ObjectReader, ObjectVersion, find_object
from ingest.rejected import RejectedRows
from ingest.transact import ChangedError
from vouchers.sources import State, Status, iso

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from ingest.commit import Ledger
    from ingest.events import ObjectEvent
    from vouchers.counts import Contribution
    from vouchers.segments import Definitions
    from vouchers.sources import Source


class Action(StrEnum):
    """What an event led to; the last four leave the counts as they are."""

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
class Ingest:
    """Applies events: where objects are, where commits are kept, and the rules that counting follows."""

    objects: S3Client
    ledger: Ledger
    definitions: Definitions
    as_of: AsOf

    def apply(self, event: ObjectEvent) -> Outcome:
        """Make the counts what they should be after ``event``; do nothing if that is what they are.

        A file that cannot be counted contributes nothing, and its source is recorded as failed. Raises what
        ``Ledger`` raises, and botocore's errors when S3 refuses or cannot be reached.
        """
        source = self.ledger.settled(event.key)
        if old_news := _old_news(event, source):
            return Outcome(old_news)
        try:
            aim = self._aim(event, source)
        except SupersededError:
            return Outcome(Action.SUPERSEDED)
        return self._commit(event, source, aim)

    def _commit(self, event: ObjectEvent, source: Source, aim: _Aim) -> Outcome:
        while True:
            try:
                self.ledger.tidied(self.ledger.commit(source, aim.state, aim.contribution))
            except ChangedError:
                source = self.ledger.settled(event.key)
            else:
                return aim.outcome
            if source.state == aim.state:
                return aim.outcome
            if old_news := _old_news(event, source):
                in_use = source.state.objects if source.state else set()
                self.ledger.results.discard(aim.state.objects - in_use)
                return Outcome(old_news)

    def _aim(self, event: ObjectEvent, source: Source) -> _Aim:
        version = self._version(event)
        state = State(
            Status.COUNTED if version else Status.DELETED,
            event.sequencer,
            iso(event.time),
            committed_at=iso(self.ledger.now()),
            definitions=self.definitions.version,
            version_id=version.version_id if version else None,
            etag=version.etag if version else None,
        )
        if version is None:
            return _Aim(state, {})
        try:
            uploaded = version.modified if event.removed else event.time
            return self._counted(version, source, state, self._as_of(version).at(uploaded))
        except FileError as error:
            sentence = f"'{event.key}' was not counted: {error}; upload a corrected file under the same key"
            return _Aim(replace(state, status=Status.FAILED, error=sentence), {})

    def _version(self, event: ObjectEvent) -> ObjectVersion | None:
        if not event.removed:
            return find_object(self.objects, event.bucket, event.key, event.version_id, event.etag)
        if not event.removes_one_version:
            return None
        try:
            return find_object(self.objects, event.bucket, event.key)
        except SupersededError:
            return None

    def _as_of(self, version: ObjectVersion) -> AsOf:
        text = version.metadata.get(AS_OF_METADATA)
        try:
            return self.as_of if text is None else AsOf.parse(text)
        except ValueError as error:
            raise FileError(f"its metadata x-amz-meta-{AS_OF_METADATA} is {error}") from None

    def _counted(self, version: ObjectVersion, source: Source, state: State, as_of: datetime | None) -> _Aim:
        started, when = time.monotonic(), recorded(as_of)
        file = ObjectReader(self.objects, version)
        with RejectedRows() as rejected:
            counted = count_file(file, microseconds(as_of), self.definitions, rejected.add)
            prefix = results_key("rejected", source, "")
            rejected_object = rejected.store(self.ledger.results.bucket, prefix)
        report = counted.report.as_dict() | {"as_of": when, "seconds": round(time.monotonic() - started, 3)}
        state = replace(state, as_of=when, report=report, rejected_object=rejected_object)
        return _Aim(self.ledger.stored(source, state, counted.contribution), counted.contribution)


@dataclass(frozen=True, slots=True)
class _Aim:
    state: State
    contribution: Contribution

    @property
    def outcome(self) -> Outcome:
        return Outcome(Action(self.state.status), self.state, self.state.error)


def _old_news(event: ObjectEvent, source: Source) -> Action | None:
    if source.state is None or event.order > source.state.order:
        return None
    if event.order < source.state.order:
        return Action.LATE
    return None if source.state.status is Status.FAILED else Action.DUPLICATE
