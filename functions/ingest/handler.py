"""The ingest function: S3 events in, counts committed. It composes the parts."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from logging import getLogger
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from ingest.commit.committer import Committer
from ingest.commit.event_bus import EventBus, EventBusError
from ingest.config import Settings, limit_memory, load_settings
from ingest.events import EventError, ObjectEvent, object_events, split_messages
from ingest.observability import record_outcome
from ingest.service import Action, IngestService, Outcome, RowOutput
from ingest.storage.results_bucket import ResultsBucket
from vouchers.dynamodb.aws import NO_ANSWER, create_client
from vouchers.dynamodb.sources_table import SourcesTable
from vouchers.segments import load_definitions
from vouchers.text import truncate
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

logger = Logger(service="ingest")
# Powertools itself would only take the level of Lambda, which is fixed in the template.
getLogger(logger.name).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL") or "INFO")

CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})

RESERVED_SECONDS = 5
"""Seconds before the function's timeout at which a waiting commit stops, so that the retry resumes it."""


class IngestError(Exception):
    """Events of an invocation failed; the message has a sentence for each."""


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Apply each event of S3 in an invocation to the counts.

    Returns:
        ``{"outcomes": ["counted", …]}``, one for each event. For messages of an SQS queue, ``{
        "batchItemFailures": [{"itemIdentifier": …}, …]}`` with the ids of the messages that SQS must deliver
        again.

    Raises:
        IngestError: if a file could not be counted or AWS failed, after all events were tried. Lambda retries
            the event, and sends it to the failed-events queue in the end. For messages of an SQS queue, only
            if all of them failed.
    """
    limit_memory()
    messages = split_messages(event)
    outcomes = {id_: apply_message(message, context) for id_, message in messages.items()}
    if any(outcomes.values()):
        function_metrics().flush_metrics()
    errors = {id_: [o.error for o in found if o.error] for id_, found in outcomes.items()}
    if all(errors.values()):
        raise IngestError("; ".join(chain.from_iterable(errors.values())))
    if None in messages:
        return {"outcomes": [str(outcome.action) for outcome in outcomes[None]]}
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_, found in errors.items() if found]}


def apply_message(message: dict[str, Any], context: LambdaContext) -> list[Outcome]:
    """Apply each event in a message to the counts, and return their outcomes."""
    try:
        events = object_events(message)
    except EventError as error:
        outcome = Outcome(Action.REFUSED, error=str(error))
        record_outcome(logger, function_metrics(), None, outcome)
        return [outcome]
    return [apply_event(event, context) for event in events]


def apply_event(event: ObjectEvent, context: LambdaContext) -> Outcome:
    """Apply an event to the counts; log and measure its outcome."""
    cause: Exception | None = None
    try:
        settings = load_settings()
        if event.bucket == settings.uploads_bucket:
            outcome = create_service(settings, context).apply(event)
        else:
            found = f"the event is of the bucket '{truncate(event.bucket)}'"
            error = f"{found}; this function counts the objects of '{settings.uploads_bucket}'"
            outcome = Outcome(Action.REFUSED, error=error)
    except EventBusError as failure:
        outcome = Outcome(Action.INTERRUPTED, error=str(failure))
    except Exception as failure:  # noqa: BLE001 - the other events of the notification must not suffer
        cause = None if isinstance(failure, NO_ANSWER) else failure
        outcome = Outcome(Action.INTERRUPTED, error=f"'{event.key}' is not counted yet: {explain(failure)}")
    record_outcome(logger, function_metrics(), event, outcome, cause)
    return outcome


def explain(error: Exception) -> str:
    """Return what interrupted an event, and what a user can do if AWS does not answer."""
    if not isinstance(error, NO_ANSWER):
        return f"{type(error).__name__}: {error}"
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return f"AWS does not answer at {endpoint}; start it, or set AWS_ENDPOINT_URL to its URL: {error}"
    return f"AWS does not answer: {error}"


def create_service(settings: Settings, context: LambdaContext) -> IngestService:
    """Return the service for one event."""
    definitions = load_definitions()
    results = ResultsBucket(s3_client(), settings.results_bucket)
    sources = SourcesTable(dynamodb_client(), settings.sources_table)
    row_output: RowOutput | None = None
    writer: str | None = None

    def now() -> datetime:
        return datetime.now(UTC)

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS

    if settings.rows_database:
        from ingest.row_outputs.glue_catalog import GlueCatalog

        database, writer = settings.rows_database, f"{iso(now())} {uuid4().hex}"
        row_output = GlueCatalog(
            glue_client(), database, results, definitions, sources, writer, now, seconds_left
        )
    committer = Committer(
        dynamodb_client(), sources, settings.segments_table, results, now, seconds_left, writer
    )
    return IngestService(
        s3_client(),
        committer,
        definitions,
        settings.recency_as_of,
        settings.column_names,
        row_output,
        settings.max_rows,
        settings.uploads_prefix,
        EventBus(events_client(), settings.event_bus, settings.uploads_bucket)
        if settings.event_bus
        else None,
    )


@cache
def function_metrics() -> Metrics:
    """Return the metrics of the process, in the namespace of the environment."""
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "VoucherSelector"
    return Metrics(namespace=namespace, service="ingest")


@cache
def dynamodb_client() -> DynamoDBClient:
    """Return the client of the process for DynamoDB."""
    return create_client("dynamodb", CONFIG)


@cache
def s3_client() -> S3Client:
    """Return the client of the process for S3."""
    return create_client("s3", CONFIG)


@cache
def events_client() -> EventBridgeClient:
    """Return the client of the process for EventBridge."""
    return create_client("events", CONFIG)


@cache
def glue_client() -> GlueClient:
    """Return the client of the process for Glue."""
    return create_client("glue", CONFIG)
