"""One DynamoDB transaction, repeated while other transactions hold its items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ingest.retry import write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BUSY = "other commits held the counters for too long; the event will be tried again"


def transact(
    client: DynamoDBClient, writes: Sequence[dict[str, Any]], seconds_left: Callable[[], float]
) -> None:
    """Carry out all ``writes``, or none of them.

    Args:
        client: of DynamoDB.
        writes: as ``TransactWriteItems`` takes them; only the write of the source has a condition.
        seconds_left: returns how long it may be repeated.

    Raises:
        ingest.retry.ConflictError: if the condition does not hold.
        ingest.retry.RefusedError: if DynamoDB never accepts a write.
        ingest.retry.RetryTimeoutError: if DynamoDB was busy until the time was up.
        botocore.exceptions.ClientError: if DynamoDB refuses for another reason.
    """
    items: Any = list(writes)
    write(lambda: client.transact_write_items(TransactItems=items), seconds_left, BUSY)
