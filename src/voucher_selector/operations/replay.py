"""Replaying: having the ingest function look again at what is in the bucket, and what is not any longer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.events import is_folder, replay_record
from voucher_selector.operations.invoke import Answer, for_each, ingest_function
from voucher_selector.operations.upload import PREFIX
from vouchers.dynamodb.sources_table import SourcesTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from voucher_selector.stack import Deployed


@dataclass(slots=True)
class Replayed:
    """How many sources came to which outcome, and why some failed, by source."""

    outcomes: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, source: str, answer: Answer) -> None:
        """Add what became of one source."""
        if answer.error:
            self.failed[source] = answer.error
        for outcome in answer.outcomes:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


def objects(stack: Deployed, prefix: str = PREFIX) -> Iterator[str]:
    """Yield the keys of the objects that are to be counted."""
    pages = (
        stack.s3()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=stack.outputs["UploadsBucket"], Prefix=prefix)
    )
    found = (each for page in pages for each in page.get("Contents", []))
    return (each["Key"] for each in found if not is_folder(each["Key"], each["Size"]))


def to_replay(stack: Deployed, prefix: str) -> list[str]:
    """Return every object under a prefix, and every source there whose object may be gone unnoticed."""
    table = SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"])
    sources = {s.key for s in table.scan() if s.key.startswith(prefix) and not s.is_gone}
    return sorted(sources.union(objects(stack, prefix)))


def look_again(
    stack: Deployed, sources: Sequence[str], advance: Callable[[int], None], *, forced: bool
) -> Replayed:
    """Have sources looked at again.

    Args:
        stack: whose ingest function is to do it.
        sources: their keys.
        advance: is told of each that is done.
        forced: whether to count even what seems up to date.

    Raises:
        botocore.exceptions.ClientError: if AWS refuses.
    """
    function, bucket = ingest_function(stack), stack.outputs["UploadsBucket"]
    replayed = Replayed()

    def look(source: str) -> Answer:
        return function.handle({"Records": [replay_record(bucket, source, datetime.now(UTC), forced=forced)]})

    def note(source: str, answer: Answer) -> None:
        replayed.add(source, answer)
        advance(1)

    for_each(sources, look, note)
    return replayed
