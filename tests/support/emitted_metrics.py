"""The metrics that the functions print in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from os import environ
from typing import TYPE_CHECKING
from unittest.mock import patch

from moto import mock_aws

from api import dependencies
from api.http import middleware
from ingest import handler
from ingest.handler import IngestError
from tests.support.api_gateway import call, rest_event
from tests.support.sample_files import body
from tests.support.stack_harness import ACCOUNT, StackHarness

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHED = (
    handler.s3_client,
    handler.dynamodb_client,
    handler.function_metrics,
    dependencies.segments_table,
    dependencies.answer_cache,
    middleware.function_metrics,
)


@dataclass(frozen=True)
class Emitted:
    """A metric: its namespace, its name, and its dimensions with their values."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


def reported(namespace: str) -> set[Emitted]:
    """Run the functions on good and bad files and on requests; return the emitted metrics."""
    printed = StringIO()
    with _harness(namespace) as harness, redirect_stdout(printed):
        with patch.dict(environ, POWERTOOLS_SERVICE_NAME="ingest"):
            _files(harness)
        with patch.dict(environ, POWERTOOLS_SERVICE_NAME="api"):
            for event in (rest_event(path="/health"), rest_event(path="/unknown"), rest_event(body="{}")):
                call(event)
    return {metric for line in printed.getvalue().splitlines() for metric in _metrics(line)}


def _files(harness: StackHarness) -> None:
    """Cause each outcome of an event."""
    first = harness.put("vouchers/a", body("peru"))
    harness.ingest(first)
    second = harness.put("vouchers/a", body("dirty"))
    harness.ingest(second)
    harness.ingest(second)
    harness.ingest(first)
    replaced = harness.put("vouchers/b", body("peru"))
    harness.put("vouchers/b", body("china"))
    harness.ingest(replaced)
    harness.ingest(harness.delete("vouchers/a"))
    with suppress(IngestError):
        harness.ingest(harness.put("vouchers/c", body("broken")))
    harness.ingest(harness.put("vouchers/_SUCCESS", b""))
    with patch.dict(environ, UPLOADS_BUCKET="another"), suppress(IngestError):
        harness.ingest(first)
    with patch.dict(environ, SOURCES_TABLE="none"), suppress(IngestError):
        harness.ingest(harness.put("vouchers/d", body("peru")))


@contextmanager
def _harness(namespace: str) -> Iterator[StackHarness]:
    with ExitStack() as parts:
        parts.enter_context(patch.dict(environ, ACCOUNT | {"POWERTOOLS_METRICS_NAMESPACE": namespace}))
        environ.pop("AWS_ENDPOINT_URL", None)
        parts.enter_context(mock_aws())
        parts.callback(_forget)
        _forget()
        harness = StackHarness().create()
        parts.enter_context(patch.dict(environ, harness.environment))
        yield harness


def _forget() -> None:
    for client in CACHED:
        client.cache_clear()


def _metrics(line: str) -> Iterator[Emitted]:
    message = json.loads(line) if "CloudWatchMetrics" in line else {"_aws": {"CloudWatchMetrics": []}}
    for directive in message["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            content = frozenset((name, message[name]) for name in names)
            yield from (Emitted(directive["Namespace"], m["Name"], content) for m in directive["Metrics"])
