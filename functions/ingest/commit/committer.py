"""Commit the counts of one source to DynamoDB, exactly once.

A commit changes a source from the state in its item to another state, and adds the difference of the two
contributions to the counters. Each transaction changes the source's item, on the condition that nobody else
has changed it since it was read, together with the counters of that change. The item therefore states what
the counters contain, whatever is repeated, reordered or cut off. A commit of several transactions first
writes its target state into the item (``pending``). The next process that finds a pending state finishes
that commit first.

If segmented rows are kept, the Glue catalog follows each commit. Glue has no conditional writes, so a
process registers itself in the source item (``catalog_writers``) before it changes partitions. It removes
its entry if the source is unchanged afterwards, and otherwise changes the partitions again. A crashed
writer's entry expires after 15 minutes, and the next process that finds it repairs the catalog.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.commit.chunks import chunks
from ingest.commit.transactions import ConflictError, transact
from ingest.storage.partition_names import TABLE, source_of, source_partition
from vouchers.counts import difference
from vouchers.dynamodb.segments_table import add_update
from vouchers.dynamodb.sources_table import NEVER_WRITTEN, Source, State, Status, decode, encode
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest.commit.chunks import Chunk
    from ingest.row_outputs.glue_catalog import GlueCatalog
    from ingest.storage.results_bucket import ResultsBucket
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import SourcesTable

MAX_INLINE_BYTES = 10_000
"""Bytes of a contribution that an item holds itself.

DynamoDB meters every change of an item by all of it, and each transaction of a large commit changes it.
"""

MAX_SOURCE_KEY_BYTES = 900
"""Bytes of a source's key that the keys of its results repeat; S3's keys end at 1,024."""

RESULTS_KEY = re.compile(r"(?P<name>[^/]+/(?P<source>.+)/(?P<revision>\d{8,})-[^/]+(/|$)).*", re.DOTALL)

MAX_PROCESS_LIFETIME = timedelta(seconds=900)
"""How long a process may go on after it was written down: Lambda's limit."""

REMEMBERED = 30 * 86_400
"""Seconds for which the deletion of a source is remembered, so that late events for it change nothing."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Where commits are kept: the two tables and the results bucket, with a clock and the time left.

    ``catalog`` is given if segmented rows are kept. ``catalog_writer`` is the unique name under which this
    process registers itself before it changes the catalog (``catalog_writer_name``).

    Besides the errors that each method names, all raise ``RetryTimeoutError`` if other commits hold the
    counters until the time is up, and botocore's errors if AWS refuses or cannot be reached. The next
    attempt resumes.
    """

    client: DynamoDBClient
    sources: SourcesTable
    segments_table: str
    results: ResultsBucket
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    catalog: GlueCatalog | None = None
    catalog_writer: str = ""

    def load_settled(self, key: str) -> Source:
        """Return a source with no commit under way: one that was cut off is finished first.

        What it may have left undone besides, in the catalogue and among the results, is left to ``clean_up``.
        """
        while True:
            source = self.sources.load(key)
            try:
                return self._finish(source, source.pending) if source.pending else source
            except ConflictError:
                continue

    def commit(self, source: Source, state: State, contribution: Contribution) -> Source:
        """Lead ``source`` to ``state``, which contributes ``contribution``; return it as written.

        Raises:
            ChangedError: if the source has changed since it was loaded; nothing has happened then, or a
                commit under way is written down that ``load_settled`` finishes.
        """
        plan = chunks(difference(self._contribution(source.state), contribution))
        if len(plan) == 1:
            return self._apply(source, state, plan[0])
        begun = replace(source, revision=source.revision + 1, pending=state, done=0)
        self._transact([{"Put": self.sources.put_if_unchanged(source, begun)}])
        return self._finish(begun, state)

    def store_contribution(self, source: Source, state: State, contribution: Contribution) -> State:
        """Return ``state`` with its contribution: in itself, or where large, in the results bucket."""
        text = encode(contribution)
        if len(text.encode()) <= MAX_INLINE_BYTES:
            return replace(state, contribution=text)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        key = results_key("contributions", source, f"{digest}.json")
        self.results.write_text(key, text)
        return replace(state, contribution_object=key)

    def clean_up(self, source: Source) -> Source:
        """Let the catalogue follow ``source``, and delete what that no longer refers to; return it without.

        Raises:
            ChangedError: if the source has changed while the catalogue did.
        """
        if self.catalog and source.catalog_writers:
            return self._catalogued(source, self.catalog)
        if not source.orphans:
            return source
        # Without a catalogue the function may not list the folders of rows; a replay sweeps them.
        kept = () if self.catalog else {name for name in source.orphans if name.startswith(f"{TABLE}/")}
        self.results.delete(source.orphans.difference(kept))
        self.sources.remove_orphans(source)
        return replace(source, orphans=frozenset())

    def looked_after(self, source: Source) -> Source:
        """Let the catalogue say of ``source`` what it should, which most often it does; return it as it is.

        Raises:
            ChangedError: if the source has changed meanwhile.
        """
        written = source.revision != NEVER_WRITTEN
        if self.catalog and written and not self.catalog.is_right(source.key, _rows_folder(source)):
            return self._catalogued(source, self.catalog)
        return source

    def _catalogued(self, source: Source, catalog: GlueCatalog) -> Source:
        if self.catalog_writer not in source.catalog_writers:
            self._transact([{"Update": self.sources.add_catalog_writer(source, self.catalog_writer)}])
            source = replace(
                source,
                revision=source.revision + 1,
                catalog_writers=source.catalog_writers | {self.catalog_writer},
            )
        catalog.point(source.key, _rows_folder(source))
        self.results.delete(source.orphans)
        dead = iso(self.now() - MAX_PROCESS_LIFETIME)
        done = {
            catalog_writer
            for catalog_writer in source.catalog_writers
            if catalog_writer == self.catalog_writer or catalog_writer < dead
        }
        self._transact([{"Update": self.sources.remove_catalog_writers(source, done)}])
        return replace(source, orphans=frozenset(), catalog_writers=source.catalog_writers - done)

    def _finish(self, source: Source, aim: State) -> Source:
        plan = chunks(difference(self._contribution(source.state), self._contribution(aim)))
        for chunk in plan[source.done : -1]:
            self._transact([{"Update": self.sources.increment_done(source)}, *self._additions(chunk)])
            source = replace(source, revision=source.revision + 1, done=source.done + 1)
        return self._apply(source, aim, plan[-1])

    def _apply(self, source: Source, state: State, chunk: Chunk) -> Source:
        left_behind = (source.state.objects if source.state else set()) - state.objects
        orphans, catalog_writers = source.orphans | left_behind, self._catalog_writers(source, state)
        new = Source(source.key, source.revision + 1, state, orphans=orphans, catalog_writers=catalog_writers)
        expires_at = int(self.now().timestamp()) + REMEMBERED if state.status is Status.DELETED else None
        self._transact(
            [{"Put": self.sources.put_if_unchanged(source, new, expires_at)}, *self._additions(chunk)]
        )
        return new

    def _catalog_writers(self, source: Source, state: State) -> frozenset[str]:
        if self.catalog is None:
            return frozenset()
        return source.catalog_writers | (
            {self.catalog_writer} if _rows_folder(source) != state.rows_folder else set()
        )

    def _additions(self, chunk: Chunk) -> list[dict[str, Any]]:
        now = iso(self.now())
        return [{"Update": add_update(self.segments_table, cell, counters, now)} for cell, counters in chunk]

    def _contribution(self, state: State | None) -> Contribution:
        return contribution_of(state, self.results) if state else {}

    def _transact(self, writes: list[dict[str, Any]]) -> None:
        transact(self.client, writes, self.seconds_left)


def contribution_of(state: State, results: ResultsBucket) -> Contribution:
    """Return what a state says that its source contributes to the counts."""
    if state.contribution_object:
        return decode(results.read_text(state.contribution_object))
    return decode(state.contribution) if state.contribution else {}


def results_key(folder: str, source: Source, name: str) -> str:
    """Return the name of an object that the next revision of ``source`` may refer to, and no other ever.

    One that ends in a slash names a folder.
    """
    key = source.key.encode()
    place = source.key if len(key) <= MAX_SOURCE_KEY_BYTES else hashlib.sha256(key).hexdigest()
    place = source_partition(source.key) if folder == TABLE else place
    return f"{folder}/{place}/{source.revision + 1:08d}-{name}"


class Result(NamedTuple):
    """What a commit stored for a revision of a source: an object, or a folder, whose name ends in a slash."""

    name: str
    source: str
    revision: int


def result_of(key: str) -> Result | None:
    """Return the result that an object of the results bucket is, or is part of; None if it is none."""
    named = RESULTS_KEY.fullmatch(key)
    if not named:
        return None
    source = source_of(named["source"]) if key.startswith(f"{TABLE}/") else named["source"]
    return Result(named["name"], source, int(named["revision"]))


def catalog_writer_name(began: datetime, name: str) -> str:
    """Return what a process is written down as that may be changing the catalogue from a moment on."""
    return f"{iso(began)} {name}"


def _rows_folder(source: Source) -> str | None:
    return source.state.rows_folder if source.state else None
