"""A burst on this machine: the ingest function's handler against the AWS emulator."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.response import StreamingBody
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from ingest import handler, service
from ingest.counting import count_file
from ingest.parquet import reader
from voucher_selector.local_stack.deploy import TEMPLATE
from voucher_selector.local_stack.emulator import REGION, emulator
from voucher_selector.local_stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

UPLOADS, RESULTS = "uploads", "results"
TABLES = {"SegmentsTable": "voucher_segments", "SourcesTable": "voucher_sources"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "UPLOADS_BUCKET": UPLOADS,
    "RESULTS_BUCKET": RESULTS,
    "SEGMENTS_TABLE": TABLES["SegmentsTable"],
    "SOURCES_TABLE": TABLES["SourcesTable"],
}


CALLS = ("calls to S3 and DynamoDB", "bodies of objects")
STEPS: dict[str, tuple[Any, str]] = {
    CALLS[0]: (BaseClient, "_make_api_call"),
    CALLS[1]: (StreamingBody, "read"),
    "open the file": (reader, "open_parquet"),
    "count": (service, "count_file"),
    "report": (count_file, "make_report"),
    "log and metrics": (handler, "record_outcome"),
    "event, plan, commit": (handler, "lambda_handler"),
}
"""The steps of an event, each the work of one function."""


@dataclass(frozen=True, slots=True)
class EventResources:
    """The resources of one event: calls by name, seconds of CPU time, bytes of log."""

    calls: dict[str, float]
    cpu_seconds: float
    log_bytes: float


def measure_rate(files: Sequence[bytes], workers: int) -> float:
    """Pass the event of each file to the handler, in several threads; return the events per second."""
    with _stack(), _captured_output(), warnings.catch_warnings(action="ignore"):
        events = _upload(files)
        started = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(_ingest, events))
        return len(events) / (time.perf_counter() - started)


def measure_resources(files: Sequence[bytes]) -> EventResources:
    """Pass the event of each file to the handler, one by one; return the mean resources of an event."""
    calls = Counter[str]()
    make_call = vars(BaseClient)["_make_api_call"]

    def count_call(client: object, name: str, arguments: object) -> object:
        calls[name] += 1
        return make_call(client, name, arguments)

    with _stack(), _captured_output() as log:
        events = _upload(files)
        log_start, cpu_start = log.seek(0, os.SEEK_END), time.process_time()
        with patch.object(BaseClient, "_make_api_call", count_call):
            for event in events:
                _ingest(event)
        cpu_seconds, log_bytes = time.process_time() - cpu_start, log.seek(0, os.SEEK_END) - log_start
        per_event = {name: count / len(events) for name, count in calls.items()}
        return EventResources(per_event, cpu_seconds / len(events), log_bytes / len(events))


def measure_steps(files: Sequence[bytes]) -> dict[str, float]:
    """Pass the event of each file to the handler, one by one; return the CPU seconds of an event by step.

    The time of a step excludes that of the other steps in it. The steps of ``CALLS`` are work of botocore.
    """
    spent = defaultdict[str, float](float)
    inner: list[float] = []

    def timed(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the function takes and returns
            inner.append(0)
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                seconds = time.process_time() - start
                spent[step] += seconds - inner.pop()
                if inner:
                    inner[-1] += seconds

        return run

    with _stack(), _captured_output(), ExitStack() as patches:
        events = _upload(files)
        for step, (owner, name) in STEPS.items():
            patches.enter_context(patch.object(owner, name, timed(step, getattr(owner, name))))
        for event in events:
            _ingest(event)
        return {step: spent[step] / len(events) for step in STEPS}


@contextmanager
def _stack() -> Iterator[None]:
    """Run the emulator with the buckets and the tables of the template."""
    clients = (handler.s3_client, handler.dynamodb_client)
    with emulator(free_port()) as endpoint:
        with patch.dict(os.environ, {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}):
            for client in clients:
                client.cache_clear()
            for bucket in (UPLOADS, RESULTS):
                handler.s3_client().create_bucket(Bucket=bucket)
            resources = yaml_parse(TEMPLATE.read_text())["Resources"]
            for resource, name in TABLES.items():
                names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
                properties = {n: v for n, v in resources[resource]["Properties"].items() if n in names}
                handler.dynamodb_client().create_table(TableName=name, **properties)
            yield
        for client in clients:
            client.cache_clear()


def _upload(files: Sequence[bytes]) -> list[dict[str, Any]]:
    """Upload all files, and ingest one more to warm up; return the events."""
    numbers = itertools.count()
    events = []
    for name, body in [("first", files[0]), *((str(n), body) for n, body in enumerate(files))]:
        key = f"vouchers/{name}.parquet"
        etag = handler.s3_client().put_object(Bucket=UPLOADS, Key=key, Body=body)["ETag"].strip('"')
        entry = {"key": key, "sequencer": f"{next(numbers):016X}", "eTag": etag, "size": len(body)}
        record = {
            "eventSource": "aws:s3",
            "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": UPLOADS}, "object": entry},
        }
        events.append({"Records": [record]})
    _ingest(events.pop(0))
    return events


def _ingest(event: dict[str, Any]) -> None:
    context: Any = SimpleNamespace(
        function_name="ingest",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:ingest",
        aws_request_id="00000000-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: 900_000,
    )
    handler.lambda_handler(event, context)


@contextmanager
def _captured_output() -> Iterator[IO[bytes]]:
    """Redirect the output of the process to a temporary file; yield the file."""
    stdout = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield file
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)
