"""Permissions: roles, and the policies of buckets, queue and API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sam_template import KEY, Template, listed, transformed
from voucher_selector.local_stack.deploy import ROOT, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = ("IngestRole", "ApiRole")
ACCOUNTS = "111111111111,222222222222"

WITHOUT_RESOURCE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
"""Actions without resource-level permissions in IAM."""

FUNCTION = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-api"
VERSIONS = {"Fn::Sub": f"{FUNCTION}:*"}
ALARMS = {"Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"}
"""CodeDeploy requests lists of alarms."""


@pytest.fixture(scope="module")
def everything() -> Template:
    """The stack with every feature that needs a permission."""
    return transformed(
        KmsKeyArn=KEY,
        ApiTrafficShift="Canary10Percent5Minutes",
        CallerAccounts=ACCOUNTS,
        EventBusName="crm",
        PageUploads="true",
    )


def test_no_role_may_do_anything_to_everything(everything: Template) -> None:
    for statement in allowed(everything):
        actions = set(listed(statement["Action"]))
        assert not [action for action in actions if "*" in action]
        if actions != WITHOUT_RESOURCE:
            assert "*" not in listed(statement["Resource"])


def test_a_resource_is_one_thing_or_what_belongs_to_one_thing(everything: Template) -> None:
    wide = [
        (statement["Sid"], resource)
        for statement in allowed(everything)
        for resource in listed(statement["Resource"])
        if "*" in str(resource) and set(listed(statement["Action"])) != WITHOUT_RESOURCE
    ]
    uploads = "arn:${AWS::Partition}:s3:::${AWS::StackName}-uploads-${AWS::AccountId}-${AWS::Region}"
    assert wide == [
        ("ReadUploads", {"Fn::Sub": f"{uploads}/${{UploadsPrefix}}*"}),
        ("KeepResults", {"Fn::Sub": "${ResultsBucket.Arn}/*"}),
        ("ReadRejectedRows", {"Fn::Sub": "${ResultsBucket.Arn}/rejected/*"}),
        ("SignUploads", {"Fn::Sub": f"{uploads}/${{UploadsPrefix}}*"}),
        ("MoveTheAlias", VERSIONS),
        ("LookAtAlarms", ALARMS),
    ]


def test_no_role_has_more_than_is_written_in_the_template(everything: Template) -> None:
    roles = everything.of_type("IAM::Role")
    assert set(roles) == {*ROLES, "DeploymentRole"}
    for role in roles.values():
        assert "ManagedPolicyArns" not in role


def test_what_is_spelt_out_is_the_api_functions_name(everything: Template) -> None:
    named = everything.properties("ApiFunction")["FunctionName"]["Fn::Sub"]
    (move,) = (
        statement
        for statement in everything.statements("DeploymentRole")
        if statement["Sid"] == "MoveTheAlias"
    )
    assert move["Resource"] == [{"Fn::Sub": FUNCTION}, VERSIONS]
    assert FUNCTION.endswith(f":function:{named}")


def test_each_role_is_for_one_service(everything: Template) -> None:
    services = {
        name: role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for name, role in everything.of_type("IAM::Role").items()
    }
    lambdas = dict.fromkeys(ROLES, "lambda.amazonaws.com")
    assert services == lambdas | {"DeploymentRole": "codedeploy.amazonaws.com"}


def test_the_api_uses_only_counts_sources_rejected_rows_log_and_trace(template: Template) -> None:
    touched = {statement["Sid"]: statement["Resource"] for statement in template.statements("ApiRole")}
    assert touched == {
        "ReadCounts": {"Fn::GetAtt": ["SegmentsTable", "Arn"]},
        "ReadSource": {"Fn::GetAtt": ["SourcesTable", "Arn"]},
        "ListSources": [
            {"Fn::Sub": f"${{SourcesTable.Arn}}/index/{name}"} for name in ("newest", "uploaded")
        ],
        "ReadRejectedRows": {"Fn::Sub": "${ResultsBucket.Arn}/rejected/*"},
        "Log": {"Fn::GetAtt": ["ApiLogs", "Arn"]},
        "Trace": "*",
    }


UPLOADS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/theirs"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, []),
        ({"KmsKeyArn": KEY, "UploadsKmsKeyArn": UPLOADS_KEY}, []),
        ({"PageUploads": "true"}, ["s3:PutObject"]),
        ({"PageUploads": "true", "KmsKeyArn": KEY}, ["s3:PutObject", "kms:GenerateDataKey"]),
        (
            {"PageUploads": "true", "UploadsBucketName": "ours", "UploadsKmsKeyArn": UPLOADS_KEY},
            ["s3:PutObject", "kms:GenerateDataKey"],
        ),
    ],
)
def test_the_api_may_sign_uploads_only_where_they_are_on(
    parameters: dict[str, str], expected: list[str]
) -> None:
    found = transformed(**parameters)
    signing = [s for s in found.statements("ApiRole") if "Upload" in s["Sid"]]
    assert [statement["Action"] for statement in signing] == expected
    environment = found.properties("ApiFunction")["Environment"]["Variables"]
    assert bool(environment["PAGE_UPLOADS_BUCKET"]) is ("PageUploads" in parameters)
    rules = found.of_type("S3::Bucket").get("UploadsBucket", {}).get("CorsConfiguration", {})
    assert bool(rules) is ("PageUploads" in parameters and "UploadsBucketName" not in parameters)


def test_the_uploads_bucket_takes_forms_of_the_page_only() -> None:
    bucket = transformed(PageUploads="true", CorsOrigin="https://crm.example.com").properties("UploadsBucket")
    (rule,) = bucket["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedMethods"] == ["POST"]
    assert rule["AllowedOrigins"] == ["http://localhost:*", "http://127.0.0.1:*", {"Ref": "CorsOrigin"}]


def test_the_api_may_only_read(template: Template) -> None:
    actions = {statement["Sid"]: listed(statement["Action"]) for statement in template.statements("ApiRole")}
    reads = ("BatchGetItem", "GetItem", "Query", "Scan")
    assert set(actions["ReadCounts"]) == {f"dynamodb:{name}" for name in reads}
    assert (actions["ReadSource"], actions["ListSources"]) == (["dynamodb:GetItem"], ["dynamodb:Query"])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_use_the_key_only_through_the_services_that_it_uses(
    everything: Template, role: str
) -> None:
    statements = everything.statements(role)
    (use,) = (statement for statement in statements if statement["Sid"] == "UseKey")
    through = {_service(service) for service in use["Condition"]["StringEquals"]["kms:ViaService"]}
    used = {action.split(":")[0] for statement in statements for action in listed(statement["Action"])}
    assert use["Resource"] == {"Ref": "KmsKeyArn"}
    # The variables of its environment are decrypted by Lambda on its behalf; logs have a grant of their own.
    assert through == used - {"events", "kms", "logs", "xray"} | {"lambda"}


def test_no_role_may_use_a_key_where_there_is_none(template: Template) -> None:
    for role in ROLES:
        assert "UseKey" not in [statement["Sid"] for statement in template.statements(role)]


def test_all_that_holds_data_refuses_to_be_reached_without_tls(template: Template) -> None:
    policies = {**template.of_type("S3::BucketPolicy"), **template.of_type("SQS::QueuePolicy")}
    content = {
        reference["Ref"]
        for policy in policies.values()
        for reference in listed(policy.get("Bucket") or policy["Queues"])
    }
    assert content == set(template.of_type("S3::Bucket")) | set(template.of_type("SQS::Queue"))
    for policy in policies.values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert refuses_without_tls(statement)


@pytest.mark.parametrize("bucket", ["Uploads", "Results"])
def test_with_a_key_a_bucket_takes_no_object_with_another_one(everything: Template, bucket: str) -> None:
    _, own, callers = everything.properties(f"{bucket}BucketPolicy")["PolicyDocument"]["Statement"]
    header = "s3:x-amz-server-side-encryption"
    assert (own["Effect"], own["Action"], own["Principal"]) == ("Deny", "s3:PutObject", "*")
    # Without a header S3 uses the key of the bucket. A negated operator also matches an absent header.
    assert own["Condition"] == {
        "Null": {header: "false"},
        "StringNotEquals": {f"{header}-aws-kms-key-id": {"Ref": "KmsKeyArn"}},
    }
    assert callers["Effect"] == "Deny"
    assert callers["Condition"] == {"Null": {f"{header}-customer-algorithm": "false"}}


@pytest.mark.parametrize(
    ("name", "role", "number"),
    [("template.yaml", "IngestRole", 3), ("template.yaml", "ApiRole", 2), ("spark.yaml", "JobRole", 3)],
)
def test_a_role_reaches_no_bucket_of_another_account(name: str, role: str, number: int) -> None:
    path = TEMPLATE if name == TEMPLATE.name else ROOT / "infra" / "spark" / name
    switches = {"SegmentedRows": "true", "PageUploads": "true"} if path == TEMPLATE else {}
    found = [s for s in transformed(path, **switches).statements(role) if "s3:" in str(s["Action"])]
    assert len(found) >= number
    for statement in found:
        keys = [tests for operator, tests in statement["Condition"].items() if "StringEquals" in operator]
        assert keys == [{"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}]


def test_the_api_refuses_to_be_reached_without_tls(template: Template) -> None:
    (statement,) = api_policy(template)
    assert refuses_without_tls(statement)


def test_the_ingest_may_do_to_each_table_what_a_commit_does_and_no_more(template: Template) -> None:
    content = {
        statement["Sid"]: (statement["Resource"], set(listed(statement["Action"])))
        for statement in template.statements("IngestRole")
    }
    sources, counts = {"Fn::GetAtt": ["SourcesTable", "Arn"]}, {"Fn::GetAtt": ["SegmentsTable", "Arn"]}
    assert content["CommitSources"] == (
        sources,
        {f"dynamodb:{name}Item" for name in ("Get", "Put", "Update")},
    )
    assert content["CommitCounts"] == (counts, {"dynamodb:GetItem", "dynamodb:UpdateItem"})
    assert len([allowed for resource, allowed in content.values() if "dynamodb" in str(allowed)]) == 2


def test_only_preflights_of_an_admitted_origin_may_be_unsigned() -> None:
    _, open_to_all = api_policy(transformed(CorsOrigin="https://crm.example.com"))
    assert (open_to_all["Effect"], open_to_all["Principal"]) == ("Allow", "*")
    assert open_to_all["Resource"] == "execute-api:/live/OPTIONS/*"


def test_other_accounts_may_call_the_api_once_they_are_named(everything: Template) -> None:
    _, others = api_policy(everything)
    assert (others["Effect"], others["Action"]) == ("Allow", "execute-api:Invoke")
    # SAM replaces the parameter by its value, therefore CloudFormation gets one text.
    assert others["Principal"] == {"AWS": {"Fn::Split": [",", ACCOUNTS]}}


@pytest.mark.parametrize("account", ["12345", "*", "arn:aws:iam::123456789012:root", "111111111111, *"])
def test_an_account_is_twelve_digits(template: Template, account: str) -> None:
    pattern = template.body["Parameters"]["CallerAccounts"]["AllowedPattern"]
    assert re.search(pattern, ACCOUNTS)
    assert re.search(pattern, "")
    assert not re.search(pattern, account)


def allowed(template: Template) -> Iterator[dict[str, Any]]:
    for role in template.of_type("IAM::Role"):
        for statement in template.statements(role):
            assert statement["Effect"] == "Allow"
            yield statement


def api_policy(template: Template) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = template.properties("Api")["Body"]["x-amazon-apigateway-policy"][
        "Statement"
    ]
    return content


def refuses_without_tls(statement: dict[str, Any]) -> bool:
    refused = (statement["Effect"], statement["Principal"], statement["Condition"])
    return refused == ("Deny", "*", {"Bool": {"aws:SecureTransport": "false"}})


def _service(endpoint: dict[str, str]) -> str:
    return endpoint["Fn::Sub"].removesuffix(".${AWS::Region}.${AWS::URLSuffix}")
