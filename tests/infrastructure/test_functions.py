"""The functions and what starts them, read from the template after SAM's transform."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from api import dependencies
from ingest import handler
from tests.support.sam_template import listed, transformed
from voucher_selector.local_stack.deploy import TEMPLATE
from voucher_selector.operations.upload import MAX_SECONDS

if TYPE_CHECKING:
    from tests.support.sam_template import Template

FUNCTIONS = ("IngestFunction", "ApiFunction")
SECONDS_THAT_AN_API_WAITS = 29


def test_the_outputs_are_those_that_tools_and_people_read(template: Template) -> None:
    assert template.outputs == {
        "UploadsBucket", "UploadsPrefix", "ResultsBucket", "SegmentsTable", "SourcesTable",
        "FailedEventsQueue", "ApiUrl", "IngestFunction", "ApiFunction",
    }  # fmt: skip


def test_the_functions_are_those_that_are_tested_here(template: Template) -> None:
    assert set(template.of_type("Lambda::Function")) == set(FUNCTIONS)


def test_a_failed_event_is_tried_thrice_and_then_kept_for_two_weeks(template: Template) -> None:
    (config,) = template.of_type("Lambda::EventInvokeConfig").values()
    assert config["FunctionName"] == {"Ref": "IngestFunction"}
    assert config["MaximumRetryAttempts"] == 2
    queue = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert queue == {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]}
    assert template.properties("FailedEventsQueue")["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_every_function_that_nobody_waits_for_has_a_place_for_what_failed(template: Template) -> None:
    answered = {
        name
        for name, permission in template.of_type("Lambda::Permission").items()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    started = [p for n, p in template.of_type("Lambda::Permission").items() if n not in answered]
    assert [permission["Principal"] for permission in started] == ["s3.amazonaws.com"]
    kept = [config["FunctionName"] for config in template.of_type("Lambda::EventInvokeConfig").values()]
    assert [permission["FunctionName"] for permission in started] == kept


def test_only_the_bucket_of_uploads_may_start_the_ingest(template: Template) -> None:
    (permission,) = (
        p for p in template.of_type("Lambda::Permission").values() if p["Principal"] == "s3.amazonaws.com"
    )
    name = template.properties("UploadsBucket")["BucketName"]["Fn::Sub"]
    assert permission["SourceArn"] == {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}"}
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    # S3 refuses a notification to a function that it may not invoke.
    assert template.resources["UploadsBucket"]["DependsOn"] == "UploadsPermission"


def test_creations_and_deletions_of_vouchers_start_the_ingest(template: Template) -> None:
    triggers = template.properties("UploadsBucket")["NotificationConfiguration"]["LambdaConfigurations"]
    assert {trigger["Event"] for trigger in triggers} == {
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
    }
    for trigger in triggers:
        assert trigger["Function"] == {"Fn::GetAtt": ["IngestFunction", "Arn"]}
        assert trigger["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": {"Ref": "UploadsPrefix"}}]


def test_each_function_logs_to_a_group_of_its_own_that_forgets(template: Template) -> None:
    groups = [template.properties(name)["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS]
    assert len(set(groups)) == 2
    for group in groups:
        assert template.properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_json_without_the_lines_of_lambda(template: Template, function: str) -> None:
    logging = template.properties(function)["LoggingConfig"]
    assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
    # Metrics have no level, and Lambda takes them for INFO.
    assert logging["ApplicationLogLevel"] == "INFO"


@pytest.mark.parametrize("module", ["api.http.middleware", "ingest.handler"])
@pytest.mark.parametrize(("given", "level"), [("ERROR", "40"), ("WARNING", "30"), ("", "20")])
def test_a_function_applies_the_log_level_below_that_of_lambda(module: str, given: str, level: str) -> None:
    environment = {**os.environ, "AWS_LAMBDA_LOG_LEVEL": "INFO", "POWERTOOLS_LOG_LEVEL": given}
    script = f"from {module} import logger; print(logger.level)"
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == level


def test_the_functions_run_on_the_python_their_wheels_are_for(template: Template) -> None:
    assert {template.properties(name)["Runtime"] for name in FUNCTIONS} == {"python3.13"}
    assert "RUNTIME := 3.13\n" in (TEMPLATE.parent / "functions/Makefile").read_text()


def test_nothing_in_the_template_leads_back_to_where_it_came_from() -> None:
    """LocalStack resolves references before SAM's transform, and loops forever on a cycle."""
    declared = yaml_parse(TEMPLATE.read_text())["Resources"]
    graph = {name: _references(resource) & set(declared) for name, resource in declared.items()}
    TopologicalSorter(graph).prepare()


def test_every_function_can_be_pointed_at_an_emulator(template: Template) -> None:
    for name in FUNCTIONS:
        assert variables(template, name)["AWS_ENDPOINT_URL"] == {"Ref": "EndpointUrl"}


def test_an_environment_holds_names_and_settings_and_nothing_secret(template: Template) -> None:
    shared = {
        "AWS_ENDPOINT_URL", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME",
        "SEGMENTS_TABLE",
    }  # fmt: skip
    own = {
        "IngestFunction": {
            "COLUMN_NAMES",
            "EVENT_BUS",
            "MAX_ROWS_PER_FILE",
            "RECENCY_AS_OF",
            "RESULTS_BUCKET",
            "ROWS_DATABASE",
            "SOURCES_TABLE",
            "UPLOADS_BUCKET",
            "UPLOADS_PREFIX",
        },
        "ApiFunction": {
            "ANSWER_CACHE_SECONDS",
            "CORS_ORIGIN",
            "PAGE_UPLOADS_BUCKET",
            "RESULTS_BUCKET",
            "SOURCES_TABLE",
            "UPLOADS_PREFIX",
        },
    }
    assert {name: set(variables(template, name)) for name in FUNCTIONS} == {
        name: shared | own[name] for name in FUNCTIONS
    }
    assert not [name for name, parameter in template.body["Parameters"].items() if parameter.get("NoEcho")]


def test_answers_are_kept_for_seconds_and_the_parameter_says_how_many(template: Template) -> None:
    assert variables(template, "ApiFunction")["ANSWER_CACHE_SECONDS"] == {"Ref": "AnswerCacheSeconds"}
    parameter = template.body["Parameters"]["AnswerCacheSeconds"]
    assert 0 < parameter["Default"] <= 30
    assert parameter["MinValue"] == 0


def test_the_ingest_has_the_longest_timeout_and_so_have_its_callers(
    template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client: Any = handler.dynamodb_client.__wrapped__()
    timeout = template.properties("IngestFunction")["Timeout"]
    assert timeout == 900
    assert timeout == MAX_SECONDS
    assert timeout > handler.RESERVED_SECONDS + longest_call(client.meta.config)


def test_the_api_ends_its_reads_before_its_timeout_and_the_gateways(
    template: Template,
) -> None:
    timeout = template.properties("ApiFunction")["Timeout"]
    assert 1.1 * longest_call(dependencies.CLIENT_CONFIG) < timeout < SECONDS_THAT_AN_API_WAITS


@pytest.mark.parametrize(
    ("function", "parameter"),
    [("IngestFunction", "IngestReservedConcurrency"), ("ApiFunction", "ApiReservedConcurrency")],
)
def test_a_function_takes_its_part_of_the_accounts_concurrency_or_none(
    template: Template, function: str, parameter: str
) -> None:
    assert int(template.parameters[parameter]) > 0
    assert template.properties(function)["ReservedConcurrentExecutions"] == {"Ref": parameter}
    unreserved = transformed(**{parameter: "-1"}).properties(function)
    assert "ReservedConcurrentExecutions" not in unreserved


def test_the_api_answers_as_many_at_once_as_it_lets_in(template: Template) -> None:
    assert int(template.parameters["ApiReservedConcurrency"]) >= int(template.parameters["ApiBurstLimit"])


def test_every_function_is_traced(template: Template) -> None:
    for name in FUNCTIONS:
        assert template.properties(name)["TracingConfig"] == {"Mode": "Active"}


def _references(node: Any) -> set[str]:
    """Return the names that a part of the template refers to, by !Ref, !GetAtt or !Sub."""
    if isinstance(node, list):
        return set().union(*map(_references, node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(_references, node.values()))
    referred = [
        node.get("Ref"),
        listed(node.get("Fn::GetAtt"))[0],
        *_substituted(listed(node.get("Fn::Sub", ""))[0]),
    ]
    return found | {name.split(".")[0] for name in referred if isinstance(name, str)}


def _substituted(written: str) -> list[str]:
    return re.findall(r"\$\{([\w.]+)\}", written)


def variables(template: Template, function: str) -> dict[str, Any]:
    content: dict[str, Any] = template.properties(function)["Environment"]["Variables"]
    return content


def longest_call(config: Any) -> float:
    """Return the seconds of a call with all its retries."""
    return float(config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout))
