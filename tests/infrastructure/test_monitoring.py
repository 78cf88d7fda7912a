"""Alarms and the dashboard use emitted metrics, and every alarm notifies the topic."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ingest.service import Action
from tests.support.emitted_metrics import Emitted, reported
from tests.support.sam_template import Template, transformed
from voucher_selector.local_stack.deploy import TEMPLATE
from voucher_selector.operations.redrive import VISIBILITY_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

MONITORING = TEMPLATE.parent / "infra" / "monitoring.yaml"
OPERATIONS = (TEMPLATE.parent / "docs" / "how-to" / "respond-to-alarms.md").read_text()
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
NAMESPACE = "VoucherSelector/watched"
ALARMS = transformed(MONITORING, MinRowsPerDay="1000").of_type("CloudWatch::Alarm")

STAGE, TABLE, QUEUE = {"ApiName", "Stage"}, {"TableName"}, {"QueueName"}
INDEX = {"TableName", "GlobalSecondaryIndexName"}
FUNCTION, ALIAS = {"FunctionName"}, {"FunctionName", "Resource"}
OF_AWS: dict[tuple[str, str], list[set[str]]] = {
    ("AWS/ApiGateway", "4XXError"): [STAGE],
    ("AWS/ApiGateway", "5XXError"): [STAGE],
    ("AWS/ApiGateway", "Count"): [STAGE],
    ("AWS/ApiGateway", "IntegrationLatency"): [STAGE],
    ("AWS/ApiGateway", "Latency"): [STAGE],
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): [TABLE],
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): [TABLE],
    ("AWS/DynamoDB", "ReadThrottleEvents"): [TABLE, INDEX],
    ("AWS/DynamoDB", "TransactionConflict"): [TABLE],
    ("AWS/DynamoDB", "WriteThrottleEvents"): [TABLE, INDEX],
    ("AWS/Lambda", "AsyncEventAge"): [FUNCTION],
    ("AWS/Lambda", "ConcurrentExecutions"): [FUNCTION],
    ("AWS/Lambda", "DestinationDeliveryFailures"): [FUNCTION],
    ("AWS/Lambda", "Duration"): [FUNCTION, ALIAS],
    ("AWS/Lambda", "Errors"): [FUNCTION, ALIAS],
    ("AWS/Lambda", "Invocations"): [FUNCTION, ALIAS],
    ("AWS/Lambda", "Throttles"): [FUNCTION, ALIAS],
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): [QUEUE],
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): [QUEUE],
}
"""AWS's metrics and their dimensions, from the documentation of its services."""


SEARCH = re.compile(r'SEARCH\(\'{"\${MetricsNamespace}",(?P<dimensions>[\w,]+)} MetricName="(?P<name>\w+)"\'')


@dataclass(frozen=True)
class Metric:
    """A metric as an alarm or a widget names it, with the values of the template."""

    namespace: str
    name: str
    dimensions: dict[str, str]


@pytest.fixture(scope="module")
def emitted() -> set[Emitted]:
    return reported(NAMESPACE)


@pytest.fixture(scope="module")
def monitoring() -> Template:
    return transformed(MONITORING, AlarmTopicArn=TOPIC, MinRowsPerDay="1000")


def test_files_and_requests_of_every_kind_emit_metrics(emitted: set[Emitted]) -> None:
    assert {"Events" + action.capitalize() for action in Action} <= {metric.name for metric in emitted}
    assert {metric.namespace for metric in emitted} == {NAMESPACE}


def test_the_functions_put_their_metrics_where_they_are_looked_for(template: Template) -> None:
    given = template.properties("Monitoring")["Parameters"]["MetricsNamespace"]
    for name, service in (("IngestFunction", "ingest"), ("ApiFunction", "api")):
        variables = template.properties(name)["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == given
        assert variables["POWERTOOLS_SERVICE_NAME"] == service
    assert "${AWS::StackName}" in given["Fn::Sub"]


def test_what_is_watched_is_what_the_template_hands_over(template: Template, monitoring: Template) -> None:
    assert set(template.properties("Monitoring")["Parameters"]) == set(monitoring.body["Parameters"])


def test_api_and_stage_are_those_of_the_template(template: Template) -> None:
    given = template.properties("Monitoring")["Parameters"]
    (stage,) = template.of_type("ApiGateway::Stage").values()
    (alias,) = template.of_type("Lambda::Alias").values()
    named = (template.properties("Api")["Name"], stage["StageName"], alias["Name"])
    assert (given["ApiName"], given["ApiStage"], given["ApiAlias"]) == named


def test_the_functions_are_watched_by_their_names(template: Template) -> None:
    given = template.properties("Monitoring")["Parameters"]
    for name in ("IngestFunction", "ApiFunction"):
        assert given[name] == template.properties(name)["FunctionName"]


def test_emulators_are_not_watched(emulated: Template) -> None:
    assert "Monitoring" not in emulated.resources


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_watches_metrics_that_are_emitted(emitted: set[Emitted], alarm: str) -> None:
    watched = [*_of_alarm(ALARMS[alarm])]
    assert watched
    assert [metric for metric in watched if not _is_emitted(metric, emitted)] == []


def test_every_picture_shows_metrics_that_are_emitted(monitoring: Template, emitted: set[Emitted]) -> None:
    shown = [metric for widget in widgets(monitoring, "metric") for metric in _of_widget(widget)]
    assert len(shown) >= 30
    assert [metric for metric in shown if not _is_emitted(metric, emitted)] == []


def test_every_search_finds_metrics_that_are_emitted(monitoring: Template, emitted: set[Emitted]) -> None:
    searches = [
        SEARCH.match(written[0]["expression"])
        for widget in widgets(monitoring, "metric")
        for written in widget["metrics"]
        if isinstance(written[0], dict)
    ]
    assert len(searches) == 2
    for search in searches:
        assert search
        keys = [{key for key, _ in metric.dimensions} for metric in emitted if metric.name == search["name"]]
        assert set(search["dimensions"].split(",")) in keys


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Lambda", "AsyncEventAge"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/ApiGateway", "5XXError"),
        ("AWS/ApiGateway", "Latency"),
        ("VoucherSelector", "RowsRejected"),
        ("VoucherSelector", "Rows"),
    ],
)
def test_what_matters_has_an_alarm(namespace: str, name: str) -> None:
    watched = {(metric.namespace, metric.name) for alarm in ALARMS.values() for metric in _of_alarm(alarm)}
    own = "${MetricsNamespace}"
    assert (own if namespace == "VoucherSelector" else namespace, name) in watched


def test_the_slowest_requests_are_watched_if_there_are_enough() -> None:
    """CloudWatch takes a percentile p of fewer than 10 / (1 - p) samples for insignificant."""
    expression, *metrics = ALARMS["ApiSlow"]["Metrics"]
    assert {metric["Id"]: metric["MetricStat"]["Stat"] for metric in metrics} == {
        "requests": "SampleCount",
        "p99": "p99",
        "p90": "p90",
        "p50": "p50",
    }
    steps = re.findall(r"IF\(requests >= (\d+), p(\d+), ", expression["Expression"])
    assert [(int(count), int(p)) for count, p in steps] == [
        (round(10 / (1 - p / 100)), p) for p in (99, 90, 50)
    ]
    assert expression["Expression"].endswith(", 0)))")


def test_failed_events_are_watched_while_a_redrive_has_received_them() -> None:
    expression, *metrics = ALARMS["EventsFailed"]["Metrics"]
    assert expression["Expression"] == "SUM(METRICS())"
    assert {metric["MetricStat"]["Metric"]["MetricName"] for metric in metrics} == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
    }


def test_expiring_events_are_watched_however_often_they_are_received(template: Template) -> None:
    alarm = ALARMS["EventsExpiring"]
    days = alarm["Period"] * alarm["EvaluationPeriods"] / 86_400
    # CloudWatch allows a week at most, and SQS leaves much received messages out of the age of the oldest.
    assert (days, alarm["MetricName"]) == (7, "ApproximateNumberOfMessagesVisible")
    retention = template.properties("FailedEventsQueue")["MessageRetentionPeriod"] / 86_400
    assert days <= retention / 2
    # A message that a redrive has received is visible again within one period.
    assert alarm["Statistic"] == "Maximum"
    assert alarm["Period"] > VISIBILITY_TIMEOUT


def test_throttling_of_tables_and_their_indexes_is_watched(template: Template) -> None:
    indexes = template.properties("SourcesTable")["GlobalSecondaryIndexes"]
    watched = {
        (metric.name, *sorted(metric.dimensions.values())) for metric in _of_alarm(ALARMS["TablesThrottled"])
    }
    assert watched == {
        (f"{kind}ThrottleEvents", *names)
        for kind in ("Read", "Write")
        for names in (
            ("${SegmentsTable}",),
            ("${SourcesTable}",),
            *(("${SourcesTable}", index["IndexName"]) for index in indexes),
        )
    }


def test_missing_rows_are_watched_where_rows_are_expected() -> None:
    assert "RowsMissing" not in transformed(MONITORING).resources
    alarm = ALARMS["RowsMissing"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "LessThanThreshold",
        {"Ref": "MinRowsPerDay"},
    )
    assert alarm["Period"] == 86_400


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_tells_the_topic_that_it_goes_off_and_that_it_is_over(
    monitoring: Template, alarm: str
) -> None:
    actions = monitoring.properties(alarm)
    assert actions["AlarmActions"] == actions["OKActions"] == [{"Ref": "AlarmTopicArn"}]
    assert "AlarmActions" not in ALARMS[alarm]


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_says_what_happened_and_is_quiet_where_nothing_does(alarm: str) -> None:
    assert len(ALARMS[alarm]["AlarmDescription"]) > 30
    quiet = alarm != "RowsMissing"
    assert ALARMS[alarm]["TreatMissingData"] == ("notBreaching" if quiet else "breaching")


@pytest.mark.parametrize("alarm", ALARMS)
def test_the_operations_say_what_to_do_about_an_alarm(alarm: str) -> None:
    name = ALARMS[alarm]["AlarmName"]["Fn::Sub"].removeprefix("${Name}-")
    assert f"\n| `{name}` |" in OPERATIONS


def test_every_alarm_is_on_the_dashboard(monitoring: Template) -> None:
    (shown,) = widgets(monitoring, "alarm")
    optional = {"RowsMissing"}  # an alarm that does not exist has no ARN
    assert set(shown["alarms"]) == {f"${{{alarm}.Arn}}" for alarm in ALARMS.keys() - optional}


def test_no_picture_lies_on_another(monitoring: Template) -> None:
    places = [
        (x, y)
        for widget in dashboard(monitoring)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24


def test_alarms_go_off_while_there_is_something_left_to_do(template: Template) -> None:
    timeout = template.properties("IngestFunction")["Timeout"]
    assert ALARMS["IngestSlow"]["Threshold"] < 1000 * timeout


def test_at_a_threshold_of_0_one_rejected_row_alarms_and_none_does_not() -> None:
    alarm = ALARMS["RowsRejected"]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["Threshold"] == {"Ref": "RejectedSharePercent"}
    (share,) = (metric["Expression"] for metric in alarm["Metrics"] if "Expression" in metric)
    assert share == "IF(rows > 0, 100 * rejected / rows, 0)"


def test_a_new_version_is_taken_back_by_the_alarms_of_errors(monitoring: Template) -> None:
    (group,) = (
        transformed(ApiTrafficShift="Canary10Percent5Minutes").of_type("CodeDeploy::DeploymentGroup").values()
    )
    alarms = [alarm["Name"]["Fn::GetAtt"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    outputs = {f"Outputs.{name}": value["Value"]["Ref"] for name, value in monitoring.body["Outputs"].items()}
    assert [stack for stack, _ in alarms] == ["Monitoring", "Monitoring"]
    assert [outputs[output] for _, output in alarms] == ["ApiFailing", "ApiFunctionErrors"]
    for alarm in ("ApiFailing", "ApiFunctionErrors"):
        assert ALARMS[alarm]["Period"] * ALARMS[alarm]["EvaluationPeriods"] <= 5 * 60


def _of_alarm(alarm: dict[str, Any]) -> Iterator[Metric]:
    single = [alarm] if "MetricName" in alarm else []
    for metric in [
        *single,
        *(m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m),
    ]:
        dimensions = {dimension["Name"]: _written(dimension["Value"]) for dimension in metric["Dimensions"]}
        yield Metric(_written(metric["Namespace"]), metric["MetricName"], dimensions)


def _written(value: Any) -> str:
    return f"${{{value['Ref']}}}" if isinstance(value, dict) and "Ref" in value else str(value)


def _of_widget(widget: dict[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of a widget; in its rows, "." and "..." repeat fields of the row before."""
    before: list[str] = []
    for written in widget["metrics"]:
        names = [field for field in written if isinstance(field, str)]
        if names[:1] == ["..."]:
            names = before[: len(before) - len(names) + 1] + names[1:]
        before = [before[i] if name == "." else name for i, name in enumerate(names)]
        if before:
            yield Metric(before[0], before[1], dict(zip(before[2::2], before[3::2], strict=True)))


def _is_emitted(metric: Metric, emitted: set[Emitted]) -> bool:
    if metric.namespace == "${MetricsNamespace}":
        return Emitted(NAMESPACE, metric.name, frozenset(metric.dimensions.items())) in emitted
    return set(metric.dimensions) in OF_AWS.get((metric.namespace, metric.name), [])


def dashboard(monitoring: Template) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads(
        monitoring.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    )["widgets"]
    return content


def widgets(monitoring: Template, kind: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in dashboard(monitoring) if widget["type"] == kind]
