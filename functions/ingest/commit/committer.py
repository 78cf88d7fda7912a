"""Commit the counts of one source to DynamoDB, exactly once.

A commit changes a source from the state in its item to another state, and adds the difference of the two
contributions to the counters. Each transaction changes the source's item, on the condition that nobody else
has changed it since it was read, together with the counters of that change. The item therefore states what
the counters contain, whatever is repeated, reordered or cut off.

A commit of several transactions first writes its target state into the item (``pending``). The next process
that reads the pending state finishes that commit before it does anything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.commit.chunks import fits_transaction, split
from ingest.commit.transactions import transact
from ingest.retry import ConflictError
from vouchers.counts import difference
from vouchers.dynamodb.segments_table import add_update
from vouchers.dynamodb.sources_table import Source, Status
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest.storage.results_bucket import ResultsBucket
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import SourcesTable, State

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

        Raises:
            ConflictError: if the source has changed since it was loaded. Then nothing has happened, or the
                commit is pending, and ``load_settled`` finishes it.
        """
        changes = difference(self.results.load_contribution(source.state), contribution)
        intent = replace(source, pending=state, done=0)
        if not fits_transaction(changes):
            intent = replace(intent, revision=source.revision + 1)
            put = self.sources.put_if_unchanged(source, intent)
            transact(self.client, [{"Put": put}], self.seconds_left)
        return self.resume(intent, changes)

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
            changes = difference(*map(self.results.load_contribution, (source.state, state)))
        now, table = self.now(), self.segments_table
        *chunks, last = (
            [{"Update": add_update(table, cell, counters, iso(now))} for cell, counters in chunk]
            for chunk in split(changes)
        )
        for updates in chunks[source.done :]:
            increment = self.sources.increment_done(source)
            transact(self.client, [{"Update": increment}, *updates], self.seconds_left)
            source = replace(source, revision=source.revision + 1, done=source.done + 1)
        orphans = source.orphans | ((source.state.objects if source.state else set()) - state.objects)
        writers = source.catalog_writers if self.catalog_writer else frozenset()
        if self.catalog_writer and source.rows_folder != state.rows_folder:
            writers |= {self.catalog_writer}
        new = Source(source.key, source.revision + 1, state, orphans=orphans, catalog_writers=writers)
        expires_at = int(now.timestamp()) + SECONDS_REMEMBERED if state.status is Status.DELETED else None
        put = self.sources.put_if_unchanged(source, new, expires_at)
        transact(self.client, [{"Put": put}, *last], self.seconds_left)
        return new
