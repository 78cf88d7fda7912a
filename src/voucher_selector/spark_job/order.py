"""What a run of the job is told: one JSON document, its only argument."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ingest.counting.as_of import AsOf


@dataclass(frozen=True, slots=True)
class Order:
    """A dataset to be counted, and where it and its counts are.

    Attributes:
        run: the run's own name, of letters and digits; no other run ever has the same.
        dataset: the prefix of its objects in the uploads bucket, ending in a slash: its source's key.
        as_of: `row`, `upload` (the time of the newest of its objects), or a date or moment in ISO 8601.
        forced: whether to count even what seems up to date.
        uploads_bucket: where the objects are.
        results_bucket: where rejected rows and the run's progress go.
        segments_table: where the counts are.
        sources_table: where the sources are.
    """

    run: str
    dataset: str
    as_of: str
    forced: bool
    uploads_bucket: str
    results_bucket: str
    segments_table: str
    sources_table: str

    @property
    def rule(self) -> AsOf:
        """The as-of date's rule.

        Raises:
            ValueError: if it is none.
        """
        return AsOf.parse(self.as_of)

    def to_json(self) -> str:
        """Return the document."""
        return json.dumps(asdict(self))


def read_order(document: str) -> Order:
    """Return the order that ``Order.to_json`` wrote."""
    return Order(**json.loads(document))
