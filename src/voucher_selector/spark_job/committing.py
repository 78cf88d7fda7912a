"""What a dataset contributes → the counts, by the commit that an uploaded file's counts take, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.commit.transactions import ChangedError
from voucher_selector.spark_job.errors import RunError
from voucher_selector.spark_job.progress import Outcome

if TYPE_CHECKING:
    from ingest.commit.committer import Ledger
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import Source, State


def commit(ledger: Ledger, read: Source, state: State, contribution: Contribution) -> Outcome:
    """Lead a dataset's source to ``state``, unless a run that listed its objects later was quicker.

    Args:
        ledger: where commits are kept.
        read: the source as it was before counting began, for which what the state refers to was stored.
        state: what it is to be, without its contribution.
        contribution: to the counts.

    Returns:
        What came of it; where it is `late`, nothing has changed.

    Raises:
        RunError: if a run that had listed the objects earlier has committed meanwhile.
    """
    aim = ledger.stored(read, state, contribution)
    try:
        ledger.tidied(ledger.commit(read, aim, contribution))
    except ChangedError:
        return _overtaken(ledger, read.key, aim)
    return Outcome(aim.status)


def _overtaken(ledger: Ledger, key: str, aim: State) -> Outcome:
    now = ledger.tidied(ledger.settled(key))
    if now.state == aim:
        return Outcome(aim.status)
    ledger.results.discard(aim.objects - now.objects)
    if now.state and now.state.order >= aim.order:
        return Outcome.LATE
    raise RunError(f"another run counted '{key}' meanwhile; count it again")
