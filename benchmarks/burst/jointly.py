"""What the ingest does not do: one commit for many uploads, to see what that would bring.

Enough of it for uploads of new objects, which all can be counted; each has its condition, as it has alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ingest.commit.transactions import transact
from ingest.service import resolve_target
from ingest.storage.s3_objects import open_object
from vouchers.counts import difference
from vouchers.dynamodb.segments_table import add_update
from vouchers.dynamodb.sources_table import Source, State, Status, decode
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.commit.committer import Committer
    from ingest.counting.count_file import Counted
    from ingest.events import ObjectEvent
    from ingest.service import IngestService
    from vouchers.counts import Cell


def commit_jointly(
    ingest: IngestService, events: Sequence[ObjectEvent], count: Callable[..., Counted]
) -> None:
    """Count the objects of all events by ``count``, and commit them in one transaction.

    Raises:
        ingest.retry.BusyError: if other commits held the counters until the time was up.
    """
    committer = ingest.committer
    puts: list[dict[str, Any]] = []
    added: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
    for event in events:
        source = committer.load_settled(event.key)
        state = _counted(ingest, event, source, count)
        new = Source(source.key, source.revision + 1, state)
        puts.append({"Put": committer.sources.put_if_unchanged(source, new)})
        for cell, counters in difference({}, decode(state.contribution or "{}")).items():
            added[cell].update(counters)
    transact(committer.client, [*puts, *_additions(committer, added)], committer.seconds_left)


def _counted(
    ingest: IngestService, event: ObjectEvent, source: Source, count: Callable[..., Counted]
) -> State:
    target = resolve_target(event, source.state, ingest.objects)
    if target.version is None:
        raise ValueError(f"'{event.key}' is not there")
    with open_object(ingest.objects, target.version) as file:
        counted = count(file)
    now = iso(ingest.committer.now())
    state = State(Status.COUNTED, target.sequencer, target.event_time, now, ingest.definitions.version)
    return ingest.committer.store_contribution(source, state, counted.contribution)


def _additions(committer: Committer, added: dict[Cell, Counter[str]]) -> list[dict[str, Any]]:
    now = iso(committer.now())
    return [
        {"Update": add_update(committer.segments_table, cell, dict(counters), now)}
        for cell, counters in sorted(added.items())
    ]
