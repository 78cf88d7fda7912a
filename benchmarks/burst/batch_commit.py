"""One commit for several uploads, simulated for comparison; the ingest function commits each upload alone.

All uploads are new objects that can be counted. Each keeps the condition of its own commit.
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

    from ingest.events import ObjectEvent
    from ingest.service import IngestService
    from vouchers.counts import Cell


def commit_batch(ingest: IngestService, events: Sequence[ObjectEvent]) -> None:
    """Count the objects of all events, and commit them in one transaction.

    Raises:
        ingest.retry.RetryTimeoutError: if conflicts with other commits last until the time limit.
    """
    committer = ingest.committer
    writes: list[dict[str, Any]] = []
    added: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
    for event in events:
        source = committer.load_settled(event.key)
        plan = ingest.plan(source, ingest.resolve_target(event, source.state), check=False)
        new = Source(source.key, source.revision + 1, plan.state)
        writes.append({"Put": committer.sources.put_if_unchanged(source, new)})
        for cell, counters in plan.contribution.items():
            added[cell].update(counters)
    now = iso(committer.now())
    for cell, counters in sorted(added.items()):
        writes.append({"Update": add_update(committer.segments_table, cell, dict(counters), now)})
    transact(committer.client, writes, committer.seconds_left)
