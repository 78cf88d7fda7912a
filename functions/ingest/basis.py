"""Event → what its object's counts are to rest on: a version of the object or none, and where that stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ingest.errors import SupersededError
from ingest.events import Kind
from ingest.objects import find_object
from vouchers.sources import EventOrder, iso

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from ingest.events import ObjectEvent
    from ingest.objects import ObjectVersion
    from vouchers.sources import State


@dataclass(frozen=True, slots=True)
class Basis:
    """The version to count (None: there is no object), when it was uploaded, and the order it has."""

    version: ObjectVersion | None
    uploaded: datetime
    sequencer: str
    event_time: str

    @property
    def order(self) -> EventOrder:
        """Where it stands among the events of the object."""
        return EventOrder.of(self.sequencer, self.event_time)


def basis_of(event: ObjectEvent, state: State | None, objects: S3Client) -> Basis:
    """Return what the counts are to rest on after ``event``, given the state that they rest on now.

    A creation speaks of one version. The deletion of a version, and a replay, ask for the object that is
    there now; a replay leaves the order as it is, for any event that is on its way must still win.

    Raises:
        SupersededError: if the version that was created is no longer there.
    """
    if event.kind is Kind.CREATED:
        version = find_object(objects, event.bucket, event.key, event.version_id, event.etag)
        return Basis(version, event.time, event.sequencer, iso(event.time))
    current = None if event.leaves_nothing else _current(event, objects)
    uploaded = _uploaded(current, state) if current else event.time
    if event.kind is Kind.REMOVED:
        return Basis(current, uploaded, event.sequencer, iso(event.time))
    if state is None:
        return Basis(current, uploaded, "", iso(uploaded))
    return Basis(current, uploaded, state.sequencer, state.event_time)


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
