"""One structured log line and the CloudWatch metrics of each event."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from ingest.events import ObjectEvent
from ingest.service import Outcome


def record_outcome(
    logger: Logger,
    metrics: Metrics,
    event: ObjectEvent | None,
    outcome: Outcome,
    cause: Exception | None = None,
) -> None:
    """Log the outcome of an event, with its report or the cause of its failure, and emit metrics.

    The event is None if the message is not about an object of S3.
    """
    report = outcome.state.report if outcome.state else {}
    fields: dict[str, object] = {"action": str(outcome.action)}
    if event:
        fields |= {
            "bucket": event.bucket,
            "source": event.key,
            "sequencer": event.sequencer,
            "version_id": event.version_id,
        }
    if outcome.state and report:
        # Examples are values of customers, which are not logged, and a file may have many countries.
        left_out = {"rejected_examples", "countries"}
        logged = {name: value for name, value in report.items() if name not in left_out}
        fields |= {"report": logged, "rejected_object": outcome.state.rejected_object}
    if outcome.error:
        logger.error(outcome.error, extra=fields, exc_info=cause)
    else:
        logger.info("event applied", extra=fields)
    metrics.add_metric("Events" + outcome.action.capitalize(), MetricUnit.Count, 1)
    if not report:
        return
    metrics.add_metric("Rows", MetricUnit.Count, report["rows"])
    metrics.add_metric("RowsCounted", MetricUnit.Count, report["counted"])
    metrics.add_metric("RowsRejected", MetricUnit.Count, report["rejected"])
    metrics.add_metric("Seconds", MetricUnit.Seconds, report["seconds"])
    unsegmented = {name: segment["unsegmented"] for name, segment in report["segments"].items()}
    for metric_name, dimension, rows_by_value in (
        ("RowsRepaired", "repair", report["repaired"]),
        ("RowsRejectedFor", "reason", report["rejected_by_reason"]),
        ("RowsUnsegmented", "segment", unsegmented),
    ):
        for value, rows in rows_by_value.items():
            with single_metric(metric_name, MetricUnit.Count, rows, namespace=metrics.namespace) as metric:
                metric.add_dimension(dimension, value)
