"""Where data lies: how it is encrypted, kept, restored and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingest.storage.results_bucket import ResultKeys
from tests.support.sam_template import KEY, Template, transformed
from vouchers.dynamodb import sources_table
from vouchers.dynamodb.sources_table import Source

if TYPE_CHECKING:
    from collections.abc import Callable

BUCKETS = ("UploadsBucket", "ResultsBucket")
TABLES = ("SegmentsTable", "SourcesTable")
THEIR_KEY = {"Ref": "KmsKeyArn"}

KEY_OF: dict[str, Callable[[dict[str, Any]], Any]] = {
    "DynamoDB::Table": lambda properties: properties.get("SSESpecification", {}).get("KMSMasterKeyId"),
    "Lambda::Function": lambda properties: properties.get("KmsKeyArn"),
    "Logs::LogGroup": lambda properties: properties.get("KmsKeyId"),
    "S3::Bucket": lambda properties: by_default(properties).get("KMSMasterKeyID"),
    "SQS::Queue": lambda properties: properties.get("KmsMasterKeyId"),
}
"""The encryption key of each type of resource that stores data."""


@pytest.fixture(scope="module")
def encrypted() -> Template:
    return transformed(KmsKeyArn=KEY)


@pytest.mark.parametrize("kind", KEY_OF)
def test_a_key_of_ones_own_encrypts_all_there_is(template: Template, encrypted: Template, kind: str) -> None:
    assert encrypted.of_type(kind)
    for name, properties in encrypted.of_type(kind).items():
        assert KEY_OF[kind](properties) == THEIR_KEY, name
        assert KEY_OF[kind](template.properties(name)) is None, name


def test_without_a_key_aws_keeps_them(template: Template) -> None:
    for bucket in BUCKETS:
        assert by_default(template.properties(bucket)) == {"SSEAlgorithm": "AES256"}
    for table in TABLES:
        # DynamoDB then encrypts with a key that AWS owns.
        assert "SSESpecification" not in template.properties(table)
    assert template.properties("FailedEventsQueue")["SqsManagedSseEnabled"] is True


def test_with_a_key_s3_asks_it_once_for_many_objects(encrypted: Template) -> None:
    for bucket in BUCKETS:
        (rule,) = encrypted.properties(bucket)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert rule["BucketKeyEnabled"] is True


def test_the_queue_declares_only_one_kind_of_encryption(encrypted: Template) -> None:
    assert "SqsManagedSseEnabled" not in encrypted.properties("FailedEventsQueue")


def test_the_buckets_and_tables_are_those_that_are_tested_here(template: Template) -> None:
    assert set(template.of_type("S3::Bucket")) == set(BUCKETS)
    assert set(template.of_type("DynamoDB::Table")) == set(TABLES)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_buckets_are_private_and_outlive_the_stack(template: Template, bucket: str) -> None:
    properties = template.properties(bucket)
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert template.resources[bucket]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template.resources[bucket]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("bucket", BUCKETS)
def test_what_is_replaced_or_deleted_is_kept_for_a_month(template: Template, bucket: str) -> None:
    properties = template.properties(bucket)
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = [rule for rule in properties["LifecycleConfiguration"]["Rules"] if "Prefix" not in rule]
    assert [rule["NoncurrentVersionExpiration"] for rule in rules] == [{"NoncurrentDays": 30}]
    assert [rule["ExpiredObjectDeleteMarker"] for rule in rules] == [True]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules] == [{"DaysAfterInitiation": 7}]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_no_object_is_forgotten_that_a_count_rests_on(template: Template, bucket: str) -> None:
    rules = template.properties(bucket)["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    expiring = [rule for rule in rules if {"ExpirationInDays", "ExpirationDate"} & set(rule)]
    assert [rule["Prefix"] for rule in expiring] == (["runs/"] if bucket == "ResultsBucket" else [])


def test_uploads_expire_if_the_counts_are_to_cover_a_window() -> None:
    rules = transformed(UploadsExpireAfterDays="90").properties("UploadsBucket")["LifecycleConfiguration"][
        "Rules"
    ]
    (rule,) = (rule for rule in rules if "ExpirationInDays" in rule)
    assert rule["ExpirationInDays"] == {"Ref": "UploadsExpireAfterDays"}
    assert (rule["Status"], rule["Prefix"]) == ("Enabled", {"Ref": "UploadsPrefix"})


def test_uploads_move_to_an_archive_that_can_be_read_at_once(template: Template) -> None:
    archiving = transformed(UploadsToGlacierAfterDays="90").properties("UploadsBucket")[
        "LifecycleConfiguration"
    ]
    rule = archiving["Rules"][0]
    transition = {"StorageClass": "GLACIER_IR", "TransitionInDays": {"Ref": "UploadsToGlacierAfterDays"}}
    assert (rule["Prefix"], rule["Transitions"]) == ({"Ref": "UploadsPrefix"}, [transition])
    by_default = template.properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]
    assert not any("Transitions" in rule for rule in by_default)


def test_rejected_rows_go_where_it_is_cheap(template: Template) -> None:
    rules = template.properties("ResultsBucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if "Transitions" in rule)
    assert ResultKeys.of(Source("vouchers/a.parquet")).rejected.startswith(rule["Prefix"])
    assert rule["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": 90}]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_access_to_a_bucket_is_logged_where_there_is_a_bucket_for_that(
    template: Template, bucket: str
) -> None:
    assert "LoggingConfiguration" not in template.properties(bucket)
    logging = transformed(AccessLogBucket="logs").properties(bucket)["LoggingConfiguration"]
    assert logging["DestinationBucketName"] == {"Ref": "AccessLogBucket"}


@pytest.mark.parametrize("table", TABLES)
def test_tables_cost_what_is_used_and_can_be_restored(template: Template, table: str) -> None:
    properties = template.properties(table)
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert template.resources[table]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("table", TABLES)
def test_protected_tables_refuse_to_be_deleted(template: Template, table: str) -> None:
    assert template.properties(table)["DeletionProtectionEnabled"] is False
    assert transformed(DeletionProtection="true").properties(table)["DeletionProtectionEnabled"] is True


def test_sources_expire_and_counts_do_not(template: Template) -> None:
    expiry = {"AttributeName": sources_table.EXPIRES_AT, "Enabled": True}
    assert template.properties("SourcesTable")["TimeToLiveSpecification"] == expiry
    assert "TimeToLiveSpecification" not in template.properties("SegmentsTable")


def test_every_log_is_forgotten_some_day(template: Template) -> None:
    groups = template.of_type("Logs::LogGroup")
    assert set(groups) == {"IngestLogs", "ApiLogs", "ApiAccessLogGroup"}
    assert {str(group["RetentionInDays"]) for group in groups.values()} == {str({"Ref": "LogRetentionDays"})}


def by_default(bucket: dict[str, Any]) -> dict[str, Any]:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    content: dict[str, Any] = rule["ServerSideEncryptionByDefault"]
    return content
