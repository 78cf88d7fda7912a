"""A stack that counts the objects of a bucket that exists already."""

from __future__ import annotations

import re

import pytest

from tests.support.sam_template import KEY, Template, listed, transformed

BUCKET, PREFIX = {"Ref": "UploadsBucketName"}, {"Ref": "UploadsPrefix"}
QUEUE = {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]}
RULE = {"Fn::GetAtt": ["UploadsRule", "Arn"]}


@pytest.fixture(scope="module")
def theirs() -> Template:
    return transformed(UploadsBucketName="crm-exports", UploadsPrefix="crm/uses/")


def test_the_stack_makes_no_bucket_and_changes_none(theirs: Template) -> None:
    assert set(theirs.of_type("S3::Bucket")) == set(theirs.of_type("S3::BucketPolicy")) ^ {
        "ResultsBucket",
        "ResultsBucketPolicy",
    }
    assert theirs.properties("IngestFunction")["Environment"]["Variables"]["UPLOADS_BUCKET"] in (
        BUCKET,
        "crm-exports",
    )


def test_by_default_the_stack_makes_the_bucket_and_no_rule(template: Template) -> None:
    assert "UploadsBucket" in template.resources
    assert not template.of_type("Events::Rule")
    assert not any(
        permission["Principal"] == "events.amazonaws.com"
        for permission in template.of_type("Lambda::Permission").values()
    )


def test_eventbridge_delivers_the_events_of_the_prefix_and_no_others(theirs: Template) -> None:
    rule = theirs.properties("UploadsRule")
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": [BUCKET]}, "object": {"key": [{"prefix": PREFIX}]}},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["IngestFunction", "Arn"]}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"] == {"Arn": QUEUE}


def test_only_this_rule_calls_the_function_and_queues_events(theirs: Template) -> None:
    callers = {p["Principal"]: p for p in theirs.of_type("Lambda::Permission").values()}
    assert set(callers) == {"apigateway.amazonaws.com", "events.amazonaws.com"}
    assert callers["events.amazonaws.com"]["SourceArn"] == RULE
    _, aside = theirs.properties("FailedEventsQueuePolicy")["PolicyDocument"]["Statement"]
    assert (aside["Effect"], aside["Action"], aside["Resource"]) == ("Allow", "sqs:SendMessage", QUEUE)
    assert aside["Principal"] == {"Service": "events.amazonaws.com"}
    assert aside["Condition"] == {"ArnEquals": {"aws:SourceArn": RULE}}


def test_the_ingest_reads_and_lists_the_prefix_and_no_more_of_the_bucket(theirs: Template) -> None:
    arn = "arn:${AWS::Partition}:s3:::${UploadsBucketName}"
    touching = [
        (
            statement["Sid"],
            listed(statement["Action"]),
            statement["Resource"],
            statement["Condition"].get("StringLike"),
        )
        for role in theirs.of_type("IAM::Role")
        for statement in theirs.statements(role)
        if "UploadsBucketName" in str(statement["Resource"])
    ]
    objects, keys = {"Fn::Sub": f"{arn}/${{UploadsPrefix}}*"}, {"Fn::Sub": "${UploadsPrefix}*"}
    assert touching == [
        ("ReadUploads", ["s3:GetObject", "s3:GetObjectVersion"], objects, None),
        ("TellAbsentFromForbidden", ["s3:ListBucket"], {"Fn::Sub": arn}, {"s3:prefix": keys}),
    ]


def test_the_ingest_decrypts_with_the_key_of_the_bucket_through_s3(theirs: Template) -> None:
    encrypted = transformed(UploadsBucketName="crm-exports", UploadsKmsKeyArn=KEY)
    (use,) = (s for s in encrypted.statements("IngestRole") if "kms" in str(s["Action"]))
    assert (use["Action"], use["Resource"]) == ("kms:Decrypt", {"Ref": "UploadsKmsKeyArn"})
    assert use["Condition"]["StringEquals"]["kms:ViaService"] == {
        "Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"
    }
    assert not any("kms" in str(s["Action"]) for s in theirs.statements("IngestRole"))


@pytest.mark.parametrize(
    ("prefix", "is_allowed"),
    [
        ("vouchers/", True), ("crm/uses/", True), ("a.b_c-d=1/", True), ("datasets/", False),
        ("datasets/a/", False), ("datasets2/", True), ("vouchers", False), ("/", False), ("", False),
        ("a//", False), ("a*/", False), ("a?/", False), ("${aws:username}/", False),
    ],
)  # fmt: skip
def test_a_prefix_is_folders_that_are_no_datasets(template: Template, prefix: str, is_allowed: bool) -> None:
    pattern = template.body["Parameters"]["UploadsPrefix"]["AllowedPattern"]
    assert (re.fullmatch(pattern, prefix) is not None) == is_allowed


def test_a_lifecycle_rule_for_an_existing_bucket_is_refused(template: Template) -> None:
    rule = template.body["Rules"]["LifecycleOfAnExistingBucket"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [BUCKET, ""]}]}
    lifecycle = {name for name in template.parameters if re.fullmatch(r"Uploads.*Days", name)}
    assert {a["Assert"]["Fn::Equals"][0]["Ref"] for a in rule["Assertions"]} == lifecycle
    assert {a["Assert"]["Fn::Equals"][1] for a in rule["Assertions"]} == {"0"}
