"""Replay: make the ingest function check the objects of the bucket, and sources whose object may be gone."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.events import is_folder, replay_record
from voucher_selector.operations.invoke import Answer, IngestFunction, for_each
from voucher_selector.stack import Deployed
from vouchers.keys import is_upload


@dataclass(slots=True)
class Replayed:
    """The number of sources by outcome, and the errors by source."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)


def list_objects(stack: Deployed, prefix: str | None = None, until: datetime | None = None) -> Iterator[str]:
    """Yield the keys of the objects to count, or of those under a prefix or uploaded until a moment."""
    paginator = stack.s3().get_paginator("list_objects_v2")
    for page in paginator.paginate(Bucket=stack.outputs["UploadsBucket"], Prefix=prefix or stack.prefix):
        for found in page.get("Contents", []):
            if (
                is_upload(found["Key"], stack.prefix)
                and not is_folder(found["Key"], found["Size"])
                and (until is None or found["LastModified"] <= until)
            ):
                yield found["Key"]


def list_sources(stack: Deployed, prefix: str) -> list[str]:
    """Return the keys of all objects under a prefix, and of all sources there that are not deleted."""
    scanned = stack.sources_table().scan()
    sources = {source.key for source in scanned if source.key.startswith(prefix) and not source.is_gone}
    return sorted(sources.union(list_objects(stack, prefix)))


def replay(
    stack: Deployed, sources: Sequence[str], advance: Callable[[int], None], *, forced: bool
) -> Replayed:
    """Make the ingest function check sources, given their keys; ``advance`` is called with 1 after each.

    If ``forced``, it counts sources that are up to date, too.
    """
    function, bucket = IngestFunction.of(stack), stack.outputs["UploadsBucket"]
    replayed = Replayed()

    def check(source: str) -> Answer:
        return function.handle({"Records": [replay_record(bucket, source, datetime.now(UTC), forced=forced)]})

    def note(source: str, answer: Answer) -> None:
        if answer.error:
            replayed.failed[source] = answer.error
        replayed.outcomes.update(answer.outcomes)
        advance(1)

    for_each(sources, check, note)
    return replayed
