"""Reading many items of one DynamoDB table in few calls."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    Item = dict[str, Any]

MAX_KEYS = 100
"""Keys that one BatchGetItem takes."""

TRIES = 5
FIRST_PAUSE = 0.05
"""Seconds; every further pause is up to twice as long, so that all of them end within a second."""


def read_items(client: DynamoDBClient, table: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return the items that there are of ``keys``, and the keys that DynamoDB would not read at the moment.

    DynamoDB leaves keys unprocessed that would go beyond 16 MB or the table's throughput; it is asked again
    for them, after pauses.

    Args:
        client: of DynamoDB.
        table: its name.
        keys: primary keys, all different.

    Raises:
        botocore.exceptions.ClientError: if DynamoDB refuses.
    """
    items: list[Item] = []
    left = list(keys)
    pauses = [FIRST_PAUSE * 2**i for i in range(TRIES - 1)]
    while left:
        asked, later = left[:MAX_KEYS], left[MAX_KEYS:]
        answer = client.batch_get_item(RequestItems={table: {"Keys": asked}})
        items += answer["Responses"].get(table, [])
        refused = answer.get("UnprocessedKeys", {})
        unprocessed: list[Item] = list(refused[table]["Keys"]) if table in refused else []
        left = later + unprocessed
        if unprocessed:
            if not pauses:
                return items, left
            time.sleep(random.uniform(0, pauses.pop(0)))  # noqa: S311 - it spreads callers, and keeps no secret
    return items, []
