"""What the ingest does not do: one commit for many uploads, to see what that would bring.

Enough of it for uploads of new objects, which all can be counted; each has its condition, as it has alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ingest.commit.transactions import transact
from vouchers.dynamodb.segments_table import add_update
from vouchers.dynamodb.sources_table import Source
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.commit.committer import Committer
    from ingest.events import ObjectEvent
    from ingest.service import IngestService
    from vouchers.counts import Cell


def commit_jointly(ingest: IngestService, events: Sequence[ObjectEvent]) -> None:
    """Count the objects of all events, and commit them in one transaction.

    Raises:
        ingest.retry.RetryTimeoutError: if other commits held the counters until the time was up.
    """
    committer = ingest.committer
    puts: list[dict[str, Any]] = []
    added: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
    for event in events:
        source = committer.load_settled(event.key)
        plan = ingest.plan(source, ingest.resolve_target(event, source.state), check=False)
        new = Source(source.key, source.revision + 1, plan.state)
        puts.append({"Put": committer.sources.put_if_unchanged(source, new)})
        for cell, counters in plan.contribution.items():
            added[cell].update(counters)
    transact(committer.client, [*puts, *_additions(committer, added)], committer.seconds_left)


def _additions(committer: Committer, added: dict[Cell, Counter[str]]) -> list[dict[str, Any]]:
    now = iso(committer.now())
    return [
        {"Update": add_update(committer.segments_table, cell, dict(counters), now)}
        for cell, counters in sorted(added.items())
    ]
