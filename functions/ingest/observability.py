"""What is told of each event: one structured log line, and the same as CloudWatch metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics

    from ingest.events import ObjectEvent
    from ingest.service import Outcome
    from vouchers.dynamodb.sources_table import State


def record_outcome(
    logger: Logger, metrics: Metrics, event: ObjectEvent, outcome: Outcome, cause: Exception | None = None
) -> None:
    """Log an event's outcome, with its file's report or what interrupted it, and count it in the metrics."""
    state = outcome.state
    details: dict[str, object] = {
        "action": str(outcome.action),
        "bucket": event.bucket,
        "source": event.key,
        "sequencer": event.sequencer,
        "version_id": event.version_id,
    }
    if state and state.report:
        details |= {"report": state.report, "rejected_object": state.rejected_object}
    if outcome.error:
        logger.error(outcome.error, extra=details, exc_info=cause)
    else:
        logger.info("event applied", extra=details)
    metrics.add_metric("Events" + outcome.action.capitalize(), MetricUnit.Count, 1)
    if state and state.report:
        _measure(metrics, state)


def _measure(metrics: Metrics, state: State) -> None:
    report = state.report
    metrics.add_metric("Rows", MetricUnit.Count, report["rows"])
    metrics.add_metric("RowsCounted", MetricUnit.Count, report["counted"])
    metrics.add_metric("RowsRejected", MetricUnit.Count, report["rejected"])
    metrics.add_metric("Seconds", MetricUnit.Seconds, report["seconds"])
    for repair, rows in report["repaired"].items():
        _measure_one(metrics, "RowsRepaired", "repair", repair, rows)
    for reason, rows in report["rejected_by_reason"].items():
        _measure_one(metrics, "RowsRejectedFor", "reason", reason, rows)
    for segment, held in report["segments"].items():
        _measure_one(metrics, "RowsUnsegmented", "segment", segment, held["unsegmented"])


def _measure_one(metrics: Metrics, name: str, dimension: str, value: str, rows: int) -> None:
    with single_metric(name, MetricUnit.Count, rows, namespace=metrics.namespace) as metric:
        metric.add_dimension(dimension, value)
