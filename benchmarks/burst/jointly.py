"""What the ingest does not do: one commit for many uploads, to see what that would bring.

Enough of it for uploads of new objects, which all can be counted; each has its condition, as it has alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ingest.commit.transactions import transact
from ingest.service import basis_of
from ingest.storage.s3_objects import opened
from vouchers.counts import difference
from vouchers.dynamodb.segments_table import addition
from vouchers.dynamodb.sources_table import Source, State, Status, decode
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.commit.committer import Ledger
    from ingest.counting.count_file import Counted
    from ingest.events import ObjectEvent
    from ingest.service import Ingest
    from vouchers.counts import Cell


def commit_jointly(ingest: Ingest, events: Sequence[ObjectEvent], count: Callable[..., Counted]) -> None:
    """Count the objects of all events by ``count``, and commit them in one transaction.

    Raises:
        ingest.retry.BusyError: if other commits held the counters until the time was up.
    """
    ledger = ingest.ledger
    puts: list[dict[str, Any]] = []
    added: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
    for event in events:
        source = ledger.settled(event.key)
        state = _counted(ingest, event, source, count)
        new = Source(source.key, source.revision + 1, state)
        puts.append({"Put": ledger.sources.replacement(source, new)})
        for cell, counters in difference({}, decode(state.contribution or "{}")).items():
            added[cell].update(counters)
    transact(ledger.client, [*puts, *_additions(ledger, added)], ledger.seconds_left)


def _counted(ingest: Ingest, event: ObjectEvent, source: Source, count: Callable[..., Counted]) -> State:
    basis = basis_of(event, source.state, ingest.objects)
    if basis.version is None:
        raise ValueError(f"'{event.key}' is not there")
    with opened(ingest.objects, basis.version) as file:
        counted = count(file)
    now = iso(ingest.ledger.now())
    state = State(Status.COUNTED, basis.sequencer, basis.event_time, now, ingest.definitions.version)
    return ingest.ledger.stored(source, state, counted.contribution)


def _additions(ledger: Ledger, added: dict[Cell, Counter[str]]) -> list[dict[str, Any]]:
    now = iso(ledger.now())
    return [
        {"Update": addition(ledger.segments_table, cell, dict(counters), now)}
        for cell, counters in sorted(added.items())
    ]
