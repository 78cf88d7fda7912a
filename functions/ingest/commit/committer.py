"""Commit the counts of one source to DynamoDB, exactly once.

A commit changes a source from the state in its item to another state, and adds the difference of the two
contributions to the counters. Each transaction changes the source's item, on the condition that nobody else
has changed it since it was read, together with the counters of that change. The item therefore states what
the counters contain, whatever is repeated, reordered or cut off.

A commit of several transactions first writes its target state into the item (``pending``). The next process
that reads the pending state finishes that commit before it does anything else.

If DynamoDB never accepts a write of a commit, the source fails: its item then says that it contributes the
chunks that are done, and a commit to nothing, which only subtracts, follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ingest.commit.chunks import Chunk, fits_transaction, split
from ingest.commit.room import find_large_subtractions, make_room
from ingest.commit.transactions import transact
from ingest.retry import ConflictError, RefusedError
from ingest.storage.results_bucket import ResultKeys, ResultsBucket
from vouchers.counts import Contribution, difference
from vouchers.dynamodb.segments_table import SegmentsTable, add_update
from vouchers.dynamodb.sources_table import Source, SourcesTable, State, Status
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ADVICE = "is 'voucher_amount' an amount?"

SECONDS_REMEMBERED = 30 * 86_400
"""How long the deletion of a source is remembered, so that late events for it change nothing."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits to the two tables.

    Besides the errors that each method names, all raise ``RetryTimeoutError`` if other commits hold the
    counters until the time is up, and botocore's errors if AWS refuses or cannot be reached. The next
    attempt resumes.

    Attributes:
        client: of DynamoDB. sources: the sources table. segments_table: the name of the table of the counts.
        results: where large contributions are. now: returns the time. seconds_left: returns how long a write
        may be repeated. catalog_writer: the unique name under which this process changes the Glue catalog;
        None if it does not.
    """

    client: DynamoDBClient
    sources: SourcesTable
    segments_table: str
    results: ResultsBucket
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    catalog_writer: str | None = None

    def load_settled(self, key: str) -> Source:
        """Return a source without a pending commit: a commit that was cut off is finished first."""
        while True:
            source = self.sources.load(key)
            if source.pending is None:
                return source
            try:
                return self.resume(source)
            except ConflictError:
                continue

    def commit(self, source: Source, state: State, contribution: Contribution) -> Source:
        """Change ``source`` to ``state``, which contributes ``contribution``; return the source as written.

        If DynamoDB cannot hold the counts, the source is committed as failed.

        Raises:
            ConflictError: if the source has changed since it was loaded. Then nothing has happened, or the
                commit is pending, and ``load_settled`` finishes it.
        """
        old = self.load_contribution(source, source.state)
        changes = difference(old, contribution)
        intent = replace(source, pending=state, done=0)
        if not fits_transaction(changes):
            try:
                make_room(SegmentsTable(self.client, self.segments_table), changes)
            except RefusedError as error:
                return self.withdraw(intent, [], error)
            intent = replace(intent, revision=source.revision + 1)
            put = self.sources.put_if_unchanged(source, intent)
            transact(self.client, [{"Put": put}], self.seconds_left)
        return self.resume(intent, changes)

    def load_contribution(self, source: Source, state: State | None) -> Contribution:
        """Return what a state of a source contributes to the counts.

        Raises:
            ConflictError: if another process has changed the source and deleted the contribution meanwhile.
        """
        try:
            return self.results.load_contribution(state)
        except ClientError:
            # S3 says either that there is no such object, or that the function may not know whether there is.
            if self.sources.load(source.key).revision == source.revision:
                raise
            raise ConflictError from None

    def resume(self, source: Source, changes: Contribution | None = None) -> Source:
        """Finish the pending commit of a source, from the first chunk that is not done.

        Args:
            source: with a pending state.
            changes: the difference of the two contributions, if the caller knows it.

        Raises:
            ConflictError: if another process has changed the source meanwhile.
        """
        state = source.pending
        if state is None:
            return source
        if changes is None:
            changes = difference(*(self.load_contribution(source, s) for s in (source.state, state)))
        now, table, chunks = iso(self.now()), self.segments_table, split(changes)
        *updates_of_chunks, last = (
            [{"Update": add_update(table, cell, counters, now)} for cell, counters in chunk]
            for chunk in chunks
        )
        try:
            for updates in updates_of_chunks[source.done :]:
                increment = self.sources.increment_done(source)
                transact(self.client, [{"Update": increment}, *updates], self.seconds_left)
                source = replace(source, revision=source.revision + 1, done=source.done + 1)
            new = self._complete(source, state, last)
        except RefusedError as error:
            new = self.withdraw(source, chunks[: source.done], error)
            cells = [cell for cell, _ in chunks[source.done]]
        else:
            cells = find_large_subtractions(changes)
        for cell in cells:
            SegmentsTable(self.client, self.segments_table).remove_zeros(cell)
        return new

    def _complete(self, source: Source, state: State, last: list[dict[str, Any]]) -> Source:
        now = self.now()
        orphans = source.orphans | ((source.state.objects if source.state else set()) - state.objects)
        writers = source.catalog_writers if self.catalog_writer else frozenset()
        if self.catalog_writer and source.rows_folder != state.rows_folder:
            writers |= {self.catalog_writer}
        new = Source(source.key, source.revision + 1, state, orphans=orphans, catalog_writers=writers)
        expires_at = int(now.timestamp()) + SECONDS_REMEMBERED if state.status is Status.DELETED else None
        put = self.sources.put_if_unchanged(source, new, expires_at)
        transact(self.client, [{"Put": put}, *last], self.seconds_left)
        return new

    def withdraw(self, source: Source, done: Iterable[Chunk], error: RefusedError) -> Source:
        """Commit a source as failed, whose pending commit DynamoDB refuses.

        Args:
            source: with a pending state.
            done: the chunks of the pending commit that are done.
            error: of DynamoDB.

        Raises:
            ConflictError: if another process has changed the source meanwhile.
            RefusedError: if the pending commit only subtracts, for which DynamoDB has no reason.
        """
        pending = source.pending
        if pending is None or pending.status is not Status.COUNTED:
            raise error
        undone: Contribution = {}
        for cell, deltas in chain.from_iterable(done):
            undone.setdefault(cell, {}).update({name: -delta for name, delta in deltas.items()})
        applied = difference(undone, self.load_contribution(source, source.state))
        stored: Any = self.results.store_contribution(ResultKeys.of(source), applied)
        sentence = f"'{source.key}' was not counted: DynamoDB cannot hold its counts ({error}); {ADVICE}"
        failed = replace(pending.without_results(), status=Status.FAILED, error=sentence, report={})
        base = source.state or replace(failed, status=Status.DELETED, error=None)
        state = replace(base, contribution=None, contribution_object=None)
        state = replace(state, **stored)
        orphans = source.orphans | ((base.objects | pending.objects) - state.objects)
        intent = replace(
            source, revision=source.revision + 1, state=state, pending=failed, done=0, orphans=orphans
        )
        put = self.sources.put_if_unchanged(source, intent)
        transact(self.client, [{"Put": put}], self.seconds_left)
        return self.resume(intent)
