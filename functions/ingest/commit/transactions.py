"""One DynamoDB transaction, tried again while others hold what it touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ingest.retry import backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

BUSY = {
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "ThrottlingError",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
}
CHANGED = "ConditionalCheckFailed"


class ConflictError(Exception):
    """The source has changed since it was read."""


def transact(
    client: DynamoDBClient, writes: Sequence[dict[str, Any]], seconds_left: Callable[[], float]
) -> None:
    """Carry out all of ``writes``, or none of them.

    Args:
        client: for DynamoDB.
        writes: as ``TransactWriteItems`` takes them; only the source's own carries a condition.
        seconds_left: how long it may still be tried.

    Raises:
        ChangedError: if the condition does not hold.
        BusyError: if other transactions, or throttling, stood in the way until the time was up.
        ClientError: if DynamoDB refuses for another reason.
    """
    busy = "other commits held the counters for too long; the event will be tried again"
    for _ in backoff(seconds_left, busy):
        try:
            client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type]
        except ClientError as error:
            reasons = _reasons(error)
            if CHANGED in reasons:
                raise ConflictError from None
            if not reasons & BUSY:
                raise
        else:
            return


def _reasons(error: ClientError) -> set[str]:
    cancelled: Any = error.response.get("CancellationReasons", [])
    return {error.response["Error"]["Code"], *(reason.get("Code", "None") for reason in cancelled)}
