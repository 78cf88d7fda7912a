"""List the sources of a stack."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from voucher_selector.operations.upload import DATASETS, object_key
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_listing import Cursor, newest_first
from vouchers.dynamodb.sources_table import State, Status

PAGE_SIZE = 1_000


def source_key(name: str) -> str:
    """Return the key of a source, given a dataset's key, or that of an upload with or without vouchers/."""
    return name if name.startswith(DATASETS) else object_key(name)


def list_states(stack: Deployed, prefix: str, statuses: Iterable[Status]) -> dict[str, State]:
    """Return the states of the sources with some statuses by key, sorted, without contributions.

    ``prefix`` is what their keys begin with; vouchers/ may be left out.
    """
    prefix, table = source_key(prefix) if prefix else "", stack.sources_table()
    listed = [found for status in statuses for found in newest_first(table, status, Cursor(), PAGE_SIZE)]
    return {key: state for key, state in sorted(listed, key=itemgetter(0)) if key.startswith(prefix)}
