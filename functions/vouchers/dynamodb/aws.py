"""AWS clients, and which of their errors are worth another attempt."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal, overload

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

NO_ANSWER = (BotocoreConnectionError, HTTPClientError)
"""What botocore raises if a call gets no answer."""

RETRYABLE_CODES = frozenset(
    {
        "ConcurrentModificationException",
        "InternalServerError",
        "InternalServiceException",
        "OperationTimeoutException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Error codes of DynamoDB and Glue that a later attempt may not get again."""


@overload
def create_client(service: Literal["dynamodb"], config: Config) -> DynamoDBClient: ...
@overload
def create_client(service: Literal["s3"], config: Config) -> S3Client: ...
@overload
def create_client(service: Literal["events"], config: Config) -> EventBridgeClient: ...
@overload
def create_client(service: Literal["glue"], config: Config) -> GlueClient: ...
def create_client(service: str, config: Config) -> Any:
    """Return an AWS client.

    botocore's own session makes the same client as boto3's, without importing S3's transfer manager.
    """
    return get_session().create_client(service, config=config)


def error_message(error: ClientError, codes: Collection[str]) -> str:
    """Return the message of an error, or of the write with one of ``codes`` that cancelled a transaction."""
    reasons: Any = error.response.get("CancellationReasons", [])
    refused = (reason.get("Message") for reason in reasons if reason.get("Code") in codes)
    return next(refused, None) or error.response["Error"].get("Message", "")


def error_codes(error: ClientError) -> set[str]:
    """Return the code of an error, and those of the writes that cancelled a transaction."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return {error.response["Error"].get("Code", ""), *(reason.get("Code", "") for reason in reasons)}
