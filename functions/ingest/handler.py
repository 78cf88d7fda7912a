"""S3 event → counts: the ingest function's entry, and the one place that wires its parts."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import HTTPClientError
from botocore.session import get_session

from ingest.commit.committer import Committer, catalog_writer_name
from ingest.config import limit_memory, load_settings
from ingest.events import object_events
from ingest.observability import record_outcome
from ingest.row_outputs.glue_catalog import GlueCatalog
from ingest.service import Action, IngestService, Outcome
from ingest.storage.results_bucket import ResultsBucket
from vouchers.dynamodb.sources_table import SourcesTable
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

    from ingest.config import Settings
    from ingest.events import ObjectEvent

logger = Logger(service="ingest")

UNANSWERED = (NoConnectionError, HTTPClientError)
"""What botocore raises where a call had no answer."""

LAST_SECONDS = 5
"""Seconds before the function's timeout at which a commit that is held up gives in to the retry."""


class IngestError(Exception):
    """Some events of an invocation came to nothing; the message has a sentence for each."""


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Apply each event of an S3 notification to the counts.

    Returns:
        ``{"outcomes": ["counted", …]}``, one for each event.

    Raises:
        IngestError: if a file could not be counted or AWS stood in the way, after all events were tried;
            Lambda then tries the notification again and, in the end, sends it to the failed-events queue.
    """
    limit_memory()
    outcomes, errors = [], []
    for happened in object_events(event):
        action, error = _apply(happened, context)
        outcomes.append(str(action))
        errors += [error] if error else []
    function_metrics().flush_metrics()
    if errors:
        raise IngestError("; ".join(errors))
    return {"outcomes": outcomes}


def _apply(event: ObjectEvent, context: LambdaContext) -> tuple[Action, str | None]:
    cause = None
    try:
        outcome = _ingest(context).apply(event)
    except UNANSWERED as error:
        outcome = Outcome(Action.INTERRUPTED, error=f"'{event.key}' is not counted yet: {_unanswered(error)}")
    except Exception as error:  # noqa: BLE001  (the other events of the notification must not suffer)
        cause = error
        sentence = f"'{event.key}' is not counted yet: {type(error).__name__}: {error}"
        outcome = Outcome(Action.INTERRUPTED, error=sentence)
    record_outcome(logger, function_metrics(), event, outcome, cause)
    return outcome.action, outcome.error


def _unanswered(error: Exception) -> str:
    """Say that AWS does not answer, and what of that is in the user's hands."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return f"AWS does not answer at {endpoint}; start it, or set AWS_ENDPOINT_URL to where it is: {error}"
    return f"AWS does not answer: {error}"


def _ingest(context: LambdaContext) -> IngestService:
    return IngestService(s3_client(), _ledger(context), load_definitions(), load_settings().recency_as_of)


def _ledger(context: LambdaContext) -> Committer:
    settings = load_settings()

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - LAST_SECONDS

    return Committer(
        dynamodb_client(),
        SourcesTable(dynamodb_client(), settings.sources_table),
        settings.segments_table,
        ResultsBucket(s3_client(), settings.results_bucket),
        now=lambda: datetime.now(UTC),
        seconds_left=seconds_left,
        catalog=_catalogue(settings, seconds_left),
        catalog_writer=catalog_writer_name(datetime.now(UTC), uuid4().hex),
    )


def _catalogue(settings: Settings, seconds_left: Callable[[], float]) -> GlueCatalog | None:
    if settings.rows_database is None:
        return None
    results = ResultsBucket(s3_client(), settings.results_bucket)
    return GlueCatalog(glue_client(), settings.rows_database, results, load_definitions(), seconds_left)


@cache
def function_metrics() -> Metrics:
    """Return the process's metrics, in the namespace that the environment names."""
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "VoucherSelector"
    return Metrics(namespace=namespace, service="ingest")


@cache
def dynamodb_client() -> DynamoDBClient:
    """Return the process's client for DynamoDB."""
    # botocore's own session makes the same client as boto3's, without importing S3's transfer manager.
    return cast("DynamoDBClient", get_session().create_client("dynamodb", config=_patience()))


@cache
def s3_client() -> S3Client:
    """Return the process's client for S3."""
    return cast("S3Client", get_session().create_client("s3", config=_patience()))


@cache
def glue_client() -> GlueClient:
    """Return the process's client for Glue."""
    return cast("GlueClient", get_session().create_client("glue", config=_patience()))


def _patience() -> Config:
    return Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
