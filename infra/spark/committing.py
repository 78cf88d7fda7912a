"""What a dataset contributes → the counts, by the commit that an uploaded file's counts take, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.spark.errors import RunError
from ingest.transact import ChangedError

if TYPE_CHECKING:
    from ingest.commit import Ledger
    from vouchers.counts import Contribution
    from vouchers.sources import Source, State

LATE = "late"


def commit(ledger: Ledger, read: Source, state: State, contribution: Contribution) -> str:
    """Lead a dataset's source to ``state``, unless a run that listed its objects later was quicker.

    Args:
        ledger: where commits are kept.
        read: the source as it was before counting began, for which what the state refers to was stored.
        state: what it is to be, without its contribution.
        contribution: to the counts.

    Returns:
        The state's status, or `late`, and then nothing has changed.

    Raises:
        RunError: if a run that had listed the objects earlier has committed meanwhile.
    """
    aim = ledger.stored(read, state, contribution)
    try:
        ledger.tidied(ledger.commit(read, aim, contribution))
    except ChangedError:
        return _overtaken(ledger, read.key, aim)
    return str(aim.status)


def _overtaken(ledger: Ledger, key: str, aim: State) -> str:
    now = ledger.tidied(ledger.settled(key))
    if now.state == aim:
        return str(aim.status)
    ledger.results.discard(aim.objects - now.objects)
    if now.state and now.state.order >= aim.order:
        return LATE
    raise RunError(f"another run counted '{key}' meanwhile; count it again")
