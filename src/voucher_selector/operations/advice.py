"""What a user should know about files that were counted, although nothing failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voucher_selector.operations.sources import list_states
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_table import Status
from vouchers.segments import Attribute, load_definitions

DEFAULT_MAX_REJECTED = 10.0
"""Percent of the rows that may be rejected without a warning."""


def advise_on_rows(key: str, report: Mapping[str, Any], max_rejected: float) -> Iterator[str]:
    """Yield sentences on a report: too many rejected rows, or none in the ranges of a segment.

    ``max_rejected`` is in percent of the rows.
    """
    rows, rejected = report["rows"], report["rejected"]
    if not rows:
        yield f"{key} has no rows"
        return
    if (share := 100 * rejected / rows) > max_rejected:
        reason = max(report["rejected_by_reason"].items(), key=lambda item: item[1])[0].replace("_", " ")
        yield f"{share:.1f} % of the rows of {key} are rejected, most of them for: {reason}"
    by_orders = {s.name for s in load_definitions().segments if s.attribute is Attribute.TOTAL_ORDERS}
    for name, segment in report["segments"].items():
        if segment["unsegmented"] == segment["counted"] > 0:
            question = "" if name in by_orders else f"; is the as-of date {report['as_of']} right?"
            yield f"No row of {key} is in a range of {name}{question}"


def advise_on_content(stack: Deployed, etags: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on each object, given with its ETag, whose content is counted under another key."""
    keys: dict[str, list[str]] = {}
    for key, state in list_states(stack, "", [Status.COUNTED]).items():
        keys.setdefault((state.etag or "").strip('"'), []).append(key)
    for key, etag in etags.items():
        if others := [other for other in keys.get(etag.strip('"'), []) if other != key]:
            yield f"{key} has the same content as {others[0]}, and its rows are counted twice"
