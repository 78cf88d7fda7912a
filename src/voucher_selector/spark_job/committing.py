"""What a dataset contributes → the counts, by the commit that an uploaded file's counts take, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.commit.transactions import ConflictError
from voucher_selector.spark_job.errors import RunError
from voucher_selector.spark_job.progress import Outcome

if TYPE_CHECKING:
    from ingest.commit.committer import Committer
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import Source, State


def commit(committer: Committer, read: Source, state: State, contribution: Contribution) -> Outcome:
    """Lead a dataset's source to ``state``, unless a run that listed its objects later was quicker.

    Args:
        committer: where commits are kept.
        read: the source as it was before counting began, for which what the state refers to was stored.
        state: what it is to be, without its contribution.
        contribution: to the counts.

    Returns:
        What came of it; where it is `late`, nothing has changed.

    Raises:
        RunError: if a run that had listed the objects earlier has committed meanwhile.
    """
    aim = committer.store_contribution(read, state, contribution)
    try:
        committer.clean_up(committer.commit(read, aim, contribution))
    except ConflictError:
        return _overtaken(committer, read.key, aim)
    return Outcome(aim.status)


def _overtaken(committer: Committer, key: str, aim: State) -> Outcome:
    now = committer.clean_up(committer.load_settled(key))
    if now.state == aim:
        return Outcome(aim.status)
    committer.results.delete(aim.objects - now.objects)
    if now.state and now.state.order >= aim.order:
        return Outcome.LATE
    raise RunError(f"another run counted '{key}' meanwhile; count it again")
