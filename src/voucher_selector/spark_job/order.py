"""The order for a run of the Spark job: one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """The dataset to count or to evaluate, and the buckets and tables of its stack.

    Attributes:
        run: the unique name of the run, of letters and digits.
        dataset: the prefix of the objects in the uploads bucket, ending in a slash; the key of the source.
        as_of: `row`, `upload` (the time of the newest object), or a date or moment in ISO 8601.
        columns: the names of columns that have other names in the objects, as a mapping writes them.
        forced: whether to count the dataset even if it is up to date.
        results_bucket: the bucket of the rejected rows and of the run's progress.
        event_bus: the event bus to tell the outcome; empty to tell nobody.
        train_until: the date or moment at which an evaluation divides the uses; empty to count.
        segments: the version of the segments of an evaluation.
    """

    run: str
    dataset: str
    as_of: str
    columns: str
    forced: bool
    uploads_bucket: str
    results_bucket: str
    segments_table: str
    sources_table: str
    event_bus: str = ""
    train_until: str = ""
    segments: str = ""

    def to_json(self) -> str:
        """Return the order as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, document: str) -> Order:
        """Return the order that ``to_json`` wrote."""
        return cls(**json.loads(document))
