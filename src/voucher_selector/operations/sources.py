"""List the sources of a stack."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from voucher_selector.operations.upload import DATASETS, object_key
from vouchers.dynamodb.sources_listing import Cursor, newest_first

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State, Status

PAGE_SIZE = 1_000


def list_states(stack: Deployed, prefix: str, statuses: Iterable[Status]) -> dict[str, State]:
    """Return the states of the sources with some statuses by key, sorted, without contributions.

    ``prefix`` is what their keys begin with; vouchers/ may be left out.
    """
    if prefix and not prefix.startswith(DATASETS):
        prefix = object_key(prefix)
    table = stack.sources_table()
    listed = [found for status in statuses for found in newest_first(table, status, Cursor(), PAGE_SIZE)]
    return {key: state for key, state in sorted(listed, key=itemgetter(0)) if key.startswith(prefix)}
