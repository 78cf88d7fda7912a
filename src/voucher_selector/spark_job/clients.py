"""AWS clients of the Spark job: one a process, for the driver and for each worker."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config

from vouchers.dynamodb.aws import create_client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8})


@cache
def s3_client() -> S3Client:
    """Return the process's S3 client."""
    return create_client("s3", CONFIG)


@cache
def events_client() -> EventBridgeClient:
    """Return the process's EventBridge client."""
    return create_client("events", CONFIG)


@cache
def dynamodb_client() -> DynamoDBClient:
    """Return the process's DynamoDB client."""
    return create_client("dynamodb", CONFIG)
