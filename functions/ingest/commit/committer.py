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
from typing import TYPE_CHECKING, Any

from ingest.commit.chunks import split
from ingest.commit.transactions import transact
from ingest.retry import ConflictError
from ingest.storage.partition_names import TABLE
from vouchers.counts import difference
from vouchers.dynamodb.segments_table import add_update
from vouchers.dynamodb.sources_table import Source, Status
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest.commit.chunks import Chunk
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
        chunks = split(difference(self.results.load_contribution(source.state), contribution))
        if len(chunks) == 1:
            return self._write_state(source, state, chunks[0])
        pending = replace(source, revision=source.revision + 1, pending=state, done=0)
        writes = [{"Put": self.sources.put_if_unchanged(source, pending)}]
        transact(self.client, writes, self.seconds_left)
        return self.resume(pending)

    def resume(self, source: Source) -> Source:
        """Finish the pending commit of a source, from the first chunk that is not done.

        Raises:
            ConflictError: if another process has changed the source meanwhile.
        """
        state = source.pending
        if state is None:
            return source
        chunks = split(difference(*map(self.results.load_contribution, (source.state, state))))
        for chunk in chunks[source.done : -1]:
            writes = [{"Update": self.sources.increment_done(source)}, *self._counter_updates(chunk)]
            transact(self.client, writes, self.seconds_left)
            source = replace(source, revision=source.revision + 1, done=source.done + 1)
        return self._write_state(source, state, chunks[-1])

    def delete_orphans(self, source: Source) -> None:
        """Delete the results that nothing refers to any longer.

        A process that does not change the Glue catalog may not list folders of segmented rows; ``make
        replay`` deletes them.
        """
        if source.orphans and not source.catalog_writers:
            folders = {name for name in source.orphans if name.startswith(f"{TABLE}/")}
            self.results.delete(source.orphans - (set() if self.catalog_writer else folders))
            self.sources.remove_orphans(source)

    def _write_state(self, source: Source, state: State, chunk: Chunk) -> Source:
        """Write the committed state together with the last chunk."""
        orphans = source.orphans | ((source.state.objects if source.state else set()) - state.objects)
        writers = source.catalog_writers if self.catalog_writer else frozenset()
        if self.catalog_writer and source.rows_folder != state.rows_folder:
            writers |= {self.catalog_writer}
        new = Source(source.key, source.revision + 1, state, orphans=orphans, catalog_writers=writers)
        expires_at = (
            int(self.now().timestamp()) + SECONDS_REMEMBERED if state.status is Status.DELETED else None
        )
        put = self.sources.put_if_unchanged(source, new, expires_at)
        transact(self.client, [{"Put": put}, *self._counter_updates(chunk)], self.seconds_left)
        return new

    def _counter_updates(self, chunk: Chunk) -> list[dict[str, Any]]:
        now = iso(self.now())
        return [{"Update": add_update(self.segments_table, cell, counters, now)} for cell, counters in chunk]
