"""Reading many items of a DynamoDB table with BatchGetItem."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    Item = dict[str, Any]

MAX_KEYS = 100
"""Keys of one BatchGetItem."""

MAX_ATTEMPTS = 5
FIRST_PAUSE = 0.05
"""Seconds; the bound of the random pause doubles with each attempt, to less than a second in total."""


def read_items(client: DynamoDBClient, table: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return the items with distinct primary keys, and the keys that DynamoDB left unprocessed.

    DynamoDB leaves keys unprocessed beyond 16 MB, or beyond the table's throughput; they are requested again
    after a pause.

    Raises:
        botocore.exceptions.ClientError: if DynamoDB refuses a call.
    """
    items: list[Item] = []
    left = list(keys)
    pauses = [FIRST_PAUSE * 2**i for i in range(MAX_ATTEMPTS - 1)]
    while left:
        response = client.batch_get_item(RequestItems={table: {"Keys": left[:MAX_KEYS]}})
        items += response["Responses"].get(table, [])
        unprocessed: Any = response.get("UnprocessedKeys", {}).get(table)
        left = left[MAX_KEYS:] + (unprocessed["Keys"] if unprocessed else [])
        if unprocessed:
            if not pauses:
                break
            time.sleep(random.uniform(0, pauses.pop(0)))  # noqa: S311 (jitter, not a secret)
    return items, left
