"""What the stack promises, read from the template after SAM's transform."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from samtranslator.translator.transform import transform  # type: ignore[import-untyped] # it ships none
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from infra.local.deploy import TEMPLATE

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    with patch.dict(os.environ, AWS_DEFAULT_REGION="eu-central-1"):
        declared = yaml_parse(TEMPLATE.read_text())
        declared["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
        transformed: dict[str, Any] = transform(declared, {}, SimpleNamespace(load=dict))
    return transformed


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    return template["Resources"]  # type: ignore[no-any-return] # a template is JSON


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == f"AWS::{kind}"}


def statements(resources: Resources) -> list[dict[str, Any]]:
    roles = of_type(resources, "IAM::Role").values()
    return [
        each
        for role in roles
        for policy in role["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
    ]


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_outputs_are_those_that_tools_and_people_read(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) == {
        "UploadsBucket", "ResultsBucket", "SegmentsTable", "SourcesTable",
        "FailedEventsQueue", "ApiUrl", "IngestFunction", "ApiFunction",
    }  # fmt: skip


def test_a_failed_event_is_tried_thrice_and_then_kept_for_two_weeks(resources: Resources) -> None:
    (config,) = of_type(resources, "Lambda::EventInvokeConfig").values()
    assert config["FunctionName"] == {"Ref": "IngestFunction"}
    assert config["MaximumRetryAttempts"] == 2
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["FailedEventsQueue", "Arn"]
    }
    assert resources["FailedEventsQueue"]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_creations_and_deletions_of_vouchers_start_the_ingest(resources: Resources) -> None:
    triggers = resources["UploadsBucket"]["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
    assert {trigger["Event"] for trigger in triggers} == {
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
    }
    for trigger in triggers:
        assert trigger["Function"] == {"Fn::GetAtt": ["IngestFunction", "Arn"]}
        assert trigger["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "vouchers/"}]


def test_each_function_logs_to_a_group_of_its_own_that_forgets(resources: Resources) -> None:
    groups = [
        each["LoggingConfig"]["LogGroup"]["Ref"] for each in of_type(resources, "Lambda::Function").values()
    ]
    assert len(set(groups)) == 2
    assert set(groups) == set(of_type(resources, "Logs::LogGroup"))
    for group in groups:
        assert resources[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_functions_run_on_the_python_their_wheels_are_for(resources: Resources) -> None:
    assert {each["Runtime"] for each in of_type(resources, "Lambda::Function").values()} == {"python3.13"}
    assert "RUNTIME := 3.13\n" in (TEMPLATE.parent / "functions/Makefile").read_text()


def test_every_function_can_be_pointed_at_an_emulator(resources: Resources) -> None:
    for function in of_type(resources, "Lambda::Function").values():
        assert function["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == {"Ref": "EndpointUrl"}


def test_answers_are_kept_for_seconds_and_the_parameter_says_how_many(
    template: dict[str, Any], resources: Resources
) -> None:
    variables = resources["ApiFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["ANSWER_CACHE_SECONDS"] == {"Ref": "AnswerCacheSeconds"}
    parameter = template["Parameters"]["AnswerCacheSeconds"]
    assert 0 < parameter["Default"] <= 30
    assert parameter["MinValue"] == 0


def test_no_role_may_do_anything_to_everything(resources: Resources) -> None:
    for statement in statements(resources):
        assert "*" not in listed(statement["Resource"])
        assert not [action for action in listed(statement["Action"]) if "*" in action]


def test_no_role_has_more_than_is_written_in_the_template(resources: Resources) -> None:
    roles = of_type(resources, "IAM::Role")
    assert set(roles) == {"IngestRole", "ApiRole"}
    for role in roles.values():
        assert "ManagedPolicyArns" not in role


def test_the_api_touches_nothing_but_the_counts_and_its_log(resources: Resources) -> None:
    (policy,) = resources["ApiRole"]["Properties"]["Policies"]
    touched = [statement["Resource"]["Fn::GetAtt"] for statement in policy["PolicyDocument"]["Statement"]]
    assert touched == [["SegmentsTable", "Arn"], ["ApiLogs", "Arn"]]


@pytest.mark.parametrize("bucket", ["UploadsBucket", "ResultsBucket"])
def test_buckets_are_private_encrypted_and_outlive_the_stack(resources: Resources, bucket: str) -> None:
    properties = resources[bucket]["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert resources[bucket]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_a_replaced_upload_is_kept_as_a_version(resources: Resources) -> None:
    assert resources["UploadsBucket"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_all_that_holds_data_refuses_to_be_reached_without_tls(resources: Resources) -> None:
    policies = {**of_type(resources, "S3::BucketPolicy"), **of_type(resources, "SQS::QueuePolicy")}
    held = {
        reference["Ref"]
        for each in policies.values()
        for reference in listed(each.get("Bucket") or each["Queues"])
    }
    assert held == set(of_type(resources, "S3::Bucket")) | set(of_type(resources, "SQS::Queue"))
    for policy in policies.values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("table", ["SegmentsTable", "SourcesTable"])
def test_tables_cost_what_is_used_and_can_be_restored(resources: Resources, table: str) -> None:
    properties = resources[table]["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


def test_sources_expire_and_counts_do_not(resources: Resources) -> None:
    expiry = {"AttributeName": "expires_at", "Enabled": True}
    assert resources["SourcesTable"]["Properties"]["TimeToLiveSpecification"] == expiry
    assert "TimeToLiveSpecification" not in resources["SegmentsTable"]["Properties"]


def test_every_route_of_the_api_asks_for_a_signature(resources: Resources) -> None:
    paths = resources["Api"]["Properties"]["Body"]["paths"]
    assert set(paths) == {"/", "/{proxy+}"}
    operations = [operation for path in paths.values() for operation in path.values()]
    assert [operation["security"] for operation in operations] == [[{"AWS_IAM": []}]] * 2


def test_a_caller_of_the_api_needs_no_right_to_the_function(resources: Resources) -> None:
    for path in resources["Api"]["Properties"]["Body"]["paths"].values():
        for operation in path.values():
            assert "credentials" not in operation["x-amazon-apigateway-integration"]


def test_the_api_has_one_stage(resources: Resources) -> None:
    assert [each["StageName"] for each in of_type(resources, "ApiGateway::Stage").values()] == ["live"]
    assert all("StageName" not in each for each in of_type(resources, "ApiGateway::Deployment").values())
