"""Stack harnesses in the emulator of the embedded stack, whose transactions behave as DynamoDB's do."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from ingest import handler
from tests.support.stack_harness import ACCOUNT, StackHarness
from voucher_selector.local_stack.emulator import emulator
from voucher_selector.local_stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@contextmanager
def emulated() -> Iterator[None]:
    """Run an emulator, and point boto3 and the ingest function at it."""
    with emulator(free_port()) as endpoint, patch.dict(os.environ, {**ACCOUNT, "AWS_ENDPOINT_URL": endpoint}):
        forget_clients()
        yield
    forget_clients()


@contextmanager
def new_harness(**kind: Any) -> Iterator[StackHarness]:
    """Create new buckets and tables, and set the ingest function's environment."""
    made = StackHarness(
        suffix=f"-{next(_numbers)}",
        s3=handler.s3_client(),
        dynamodb=handler.dynamodb_client(),
        glue=handler.glue_client(),
        **kind,
    )
    with patch.dict(os.environ, made.environment):
        yield made.create()


def forget_clients() -> None:
    handler.s3_client.cache_clear()
    handler.dynamodb_client.cache_clear()
    handler.glue_client.cache_clear()
