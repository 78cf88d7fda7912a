"""Clients of AWS, one a process: the driver's, and each worker's own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

PATIENCE = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8})


@cache
def s3_client() -> S3Client:
    """Return the process's client of S3."""
    return cast("S3Client", get_session().create_client("s3", config=PATIENCE))


@cache
def dynamodb_client() -> DynamoDBClient:
    """Return the process's client of DynamoDB."""
    return cast("DynamoDBClient", get_session().create_client("dynamodb", config=PATIENCE))
