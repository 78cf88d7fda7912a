"""Counts → DynamoDB, exactly once.

A commit leads a source from the state that its item holds to another and adds the difference of the two
contributions to the counters. Every transaction changes the source's item, on the condition that nobody else
has since it was read, together with the counters that belong to that change; so whatever is repeated,
reordered or cut off, the item says what the counters hold. A commit that needs several transactions writes
its aim into the item first (``pending``); whoever next finds it there finishes it before anything else.

Where segmented rows are kept, the catalogue follows each commit. Nothing holds two processes apart that
change it, so each is written down first (``movers``), as part of the commit or by itself, and taken off the
list once the source is found to be as it was before; if it is not, what it has come to is gone for again. One
that died stays on the list for as long as it might have lived, and whoever next finds it there goes over the
catalogue once more.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.commit.chunks import chunks
from ingest.commit.transactions import ChangedError, transact
from ingest.storage.partition_names import TABLE, source_of, source_partition
from vouchers.counts import difference
from vouchers.dynamodb.segments_table import addition
from vouchers.dynamodb.sources_table import NEVER_WRITTEN, Source, State, Status, decode, encode
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest.commit.chunks import Chunk
    from ingest.row_outputs.glue_catalog import Catalogue
    from ingest.storage.results_bucket import Results
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import SourcesTable

LONGEST_INLINE = 10_000
"""Bytes of a contribution that an item holds itself.

DynamoDB meters every change of an item by all of it, and each transaction of a large commit changes it.
"""

LONGEST_PLACE = 900
"""Bytes of a source's key that the keys of its results repeat; S3's keys end at 1,024."""

RESULTS_KEY = re.compile(r"(?P<name>[^/]+/(?P<source>.+)/(?P<revision>\d{8,})-[^/]+(/|$)).*", re.DOTALL)

LONGEST_LIFE = timedelta(seconds=900)
"""How long a process may go on after it was written down: Lambda's limit."""

REMEMBERED = 30 * 86_400
"""Seconds for which the deletion of a source is remembered, so that late events for it change nothing."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where commits are kept: the two tables and the results bucket, with a clock and the time left.

    ``catalogue`` is there where segmented rows are kept; who changes it is called ``mover``, from when on
    and a name that no other process has (``mover_name``).

    Besides what each method names, all raise ``BusyError`` when other commits hold the counters until the
    time is up, and botocore's errors when AWS refuses or cannot be reached; the next try goes on from there.
    """

    client: DynamoDBClient
    sources: SourcesTable
    segments_table: str
    results: Results
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    catalogue: Catalogue | None = None
    mover: str = ""

    def settled(self, key: str) -> Source:
        """Return a source with no commit under way: one that was cut off is finished first.

        What it may have left undone besides, in the catalogue and among the results, is left to ``tidied``.
        """
        while True:
            source = self.sources.load(key)
            try:
                return self._finish(source, source.pending) if source.pending else source
            except ChangedError:
                continue

    def commit(self, source: Source, state: State, contribution: Contribution) -> Source:
        """Lead ``source`` to ``state``, which contributes ``contribution``; return it as written.

        Raises:
            ChangedError: if the source has changed since it was loaded; nothing has happened then, or a
                commit under way is written down that ``settled`` finishes.
        """
        plan = chunks(difference(self._contribution(source.state), contribution))
        if len(plan) == 1:
            return self._apply(source, state, plan[0])
        begun = replace(source, revision=source.revision + 1, pending=state, done=0)
        self._transact([{"Put": self.sources.replacement(source, begun)}])
        return self._finish(begun, state)

    def stored(self, source: Source, state: State, contribution: Contribution) -> State:
        """Return ``state`` with its contribution: in itself, or where large, in the results bucket."""
        text = encode(contribution)
        if len(text.encode()) <= LONGEST_INLINE:
            return replace(state, contribution=text)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        key = results_key("contributions", source, f"{digest}.json")
        self.results.write_text(key, text)
        return replace(state, contribution_object=key)

    def tidied(self, source: Source) -> Source:
        """Let the catalogue follow ``source``, and delete what that no longer refers to; return it without.

        Raises:
            ChangedError: if the source has changed while the catalogue did.
        """
        if self.catalogue and source.movers:
            return self._catalogued(source, self.catalogue)
        if not source.discard:
            return source
        # Without a catalogue the function may not list the folders of rows; a replay sweeps them.
        kept = () if self.catalogue else {name for name in source.discard if name.startswith(f"{TABLE}/")}
        self.results.discard(source.discard.difference(kept))
        self.sources.forget_discarded(source)
        return replace(source, discard=frozenset())

    def looked_after(self, source: Source) -> Source:
        """Let the catalogue say of ``source`` what it should, which most often it does; return it as it is.

        Raises:
            ChangedError: if the source has changed meanwhile.
        """
        written = source.revision != NEVER_WRITTEN
        if self.catalogue and written and not self.catalogue.is_right(source.key, _rows_folder(source)):
            return self._catalogued(source, self.catalogue)
        return source

    def _catalogued(self, source: Source, catalogue: Catalogue) -> Source:
        if self.mover not in source.movers:
            self._transact([{"Update": self.sources.announcement(source, self.mover)}])
            source = replace(source, revision=source.revision + 1, movers=source.movers | {self.mover})
        catalogue.point(source.key, _rows_folder(source))
        self.results.discard(source.discard)
        dead = iso(self.now() - LONGEST_LIFE)
        done = {mover for mover in source.movers if mover == self.mover or mover < dead}
        self._transact([{"Update": self.sources.settlement(source, done)}])
        return replace(source, discard=frozenset(), movers=source.movers - done)

    def _finish(self, source: Source, aim: State) -> Source:
        plan = chunks(difference(self._contribution(source.state), self._contribution(aim)))
        for chunk in plan[source.done : -1]:
            self._transact([{"Update": self.sources.progress(source)}, *self._additions(chunk)])
            source = replace(source, revision=source.revision + 1, done=source.done + 1)
        return self._apply(source, aim, plan[-1])

    def _apply(self, source: Source, state: State, chunk: Chunk) -> Source:
        left_behind = (source.state.objects if source.state else set()) - state.objects
        discard, movers = source.discard | left_behind, self._movers(source, state)
        new = Source(source.key, source.revision + 1, state, discard=discard, movers=movers)
        expires_at = int(self.now().timestamp()) + REMEMBERED if state.status is Status.DELETED else None
        self._transact([{"Put": self.sources.replacement(source, new, expires_at)}, *self._additions(chunk)])
        return new

    def _movers(self, source: Source, state: State) -> frozenset[str]:
        if self.catalogue is None:
            return frozenset()
        return source.movers | ({self.mover} if _rows_folder(source) != state.rows_folder else set())

    def _additions(self, chunk: Chunk) -> list[dict[str, Any]]:
        now = iso(self.now())
        return [{"Update": addition(self.segments_table, cell, counters, now)} for cell, counters in chunk]

    def _contribution(self, state: State | None) -> Contribution:
        return contribution_of(state, self.results) if state else {}

    def _transact(self, writes: list[dict[str, Any]]) -> None:
        transact(self.client, writes, self.seconds_left)


def contribution_of(state: State, results: Results) -> Contribution:
    """Return what a state says that its source contributes to the counts."""
    if state.contribution_object:
        return decode(results.read_text(state.contribution_object))
    return decode(state.contribution) if state.contribution else {}


def results_key(folder: str, source: Source, name: str) -> str:
    """Return the name of an object that the next revision of ``source`` may refer to, and no other ever.

    One that ends in a slash names a folder.
    """
    key = source.key.encode()
    place = source.key if len(key) <= LONGEST_PLACE else hashlib.sha256(key).hexdigest()
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


def mover_name(began: datetime, name: str) -> str:
    """Return what a process is written down as that may be changing the catalogue from a moment on."""
    return f"{iso(began)} {name}"


def _rows_folder(source: Source) -> str | None:
    return source.state.rows_folder if source.state else None
