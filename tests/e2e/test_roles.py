"""The permissions of both functions' roles, as the emulator evaluates them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from voucher_selector.local_stack.deploy import session

if TYPE_CHECKING:
    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack

CELL = {"country": {"S": "peru"}, "cell": {"S": "#spellings"}}
SOURCE = {"source": {"S": "vouchers/a.parquet"}}

READ_COUNTS: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"TableName": "SegmentsTable", "Key": CELL}),
    ("batch_get_item", {"RequestItems": {"SegmentsTable": {"Keys": [CELL]}}}),
    ("scan", {"TableName": "SegmentsTable"}),
    (
        "query",
        {
            "TableName": "SegmentsTable",
            "KeyConditionExpression": "country = :c",
            "ExpressionAttributeValues": {":c": {"S": "peru"}},
        },
    ),
]
READ_SOURCES: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"TableName": "SourcesTable", "Key": SOURCE}),
    *(
        (
            "query",
            {
                "TableName": "SourcesTable",
                "IndexName": index,
                "KeyConditionExpression": "#s = :s",
                "ExpressionAttributeNames": {"#s": "status"},
                "ExpressionAttributeValues": {":s": {"S": "counted"}},
            },
        )
        for index in ("newest", "uploaded")
    ),
]
SCAN_SOURCES: list[tuple[str, dict[str, Any]]] = [
    ("scan", {"TableName": "SourcesTable"}),
    ("scan", {"TableName": "SourcesTable", "IndexName": "newest"}),
    ("delete_item", {"TableName": "SourcesTable", "Key": SOURCE}),
]
DESTROY_COUNTS: list[tuple[str, dict[str, Any]]] = [
    ("put_item", {"TableName": "SegmentsTable", "Item": CELL}),
    ("delete_item", {"TableName": "SegmentsTable", "Key": CELL}),
    ("delete_item", {"TableName": "SourcesTable", "Key": SOURCE}),
]
CHANGE_COUNTS: list[tuple[str, dict[str, Any]]] = [
    ("update_item", {"TableName": "SegmentsTable", "Key": CELL}),
    ("put_item", {"TableName": "SourcesTable", "Item": SOURCE}),
    ("update_item", {"TableName": "SourcesTable", "Key": SOURCE}),
    (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": "SourcesTable", "Item": SOURCE}},
                {"Update": {"TableName": "SegmentsTable", "Key": CELL, "UpdateExpression": "SET a = :a"}
                 | {"ExpressionAttributeValues": {":a": {"N": "1"}}}},
            ]
        },
    ),
]  # fmt: skip
READ_UPLOADS: list[tuple[str, dict[str, Any]]] = [
    ("get_object", {"Bucket": "UploadsBucket", "Key": "vouchers/there"}),
    ("head_object", {"Bucket": "UploadsBucket", "Key": "vouchers/there"}),
    ("list_objects_v2", {"Bucket": "UploadsBucket"}),
]
KEEP_RESULTS: list[tuple[str, dict[str, Any]]] = [
    ("put_object", {"Bucket": "ResultsBucket", "Key": "rejected/a"}),
    ("get_object", {"Bucket": "ResultsBucket", "Key": "rejected/a"}),
    ("delete_object", {"Bucket": "ResultsBucket", "Key": "rejected/a"}),
]
READ_REJECTED: list[tuple[str, dict[str, Any]]] = [
    ("get_object", {"Bucket": "ResultsBucket", "Key": "rejected/there"}),
]
SIGN_UPLOADS: list[tuple[str, dict[str, Any]]] = [
    ("put_object", {"Bucket": "UploadsBucket", "Key": "vouchers/from-the-page"}),
]
CHANGE_UPLOADS: list[tuple[str, dict[str, Any]]] = [
    ("put_object", {"Bucket": "UploadsBucket", "Key": "vouchers/a"}),
    ("delete_object", {"Bucket": "UploadsBucket", "Key": "vouchers/there"}),
    ("get_object", {"Bucket": "UploadsBucket", "Key": "elsewhere"}),
]

CATALOGUE_ROWS: list[tuple[str, dict[str, Any]]] = [
    ("list_objects_v2", {"Bucket": "ResultsBucket", "Prefix": "voucher_selector/"}),
    ("get_table", {"DatabaseName": "voucher_selector", "Name": "voucher_selector"}),
    ("get_partitions", {"DatabaseName": "voucher_selector", "TableName": "voucher_selector"}),
    (
        "batch_create_partition",
        {"DatabaseName": "voucher_selector", "TableName": "voucher_selector", "PartitionInputList": []},
    ),
]
SERVICES = {"Bucket": "s3", "DatabaseName": "glue"}
"""The service of a call, by what it names; that of all others is DynamoDB."""


def outcome(stack: Stack, function: str, operation: str, arguments: dict[str, Any]) -> object:
    """Let ``function`` make a call; resources have the names of the outputs."""
    spelt = json.dumps(arguments)
    for name, value in stack.outputs.items():
        spelt = spelt.replace(f'"{name}"', json.dumps(value))
    order = {"operation": operation, "arguments": json.loads(spelt)}
    order["service"] = next((of for name, of in SERVICES.items() if name in arguments), "dynamodb")
    client = session().client("lambda", endpoint_url=stack.endpoint)
    response = client.invoke(FunctionName=stack.outputs[function], Payload=json.dumps(order))
    return json.load(response["Payload"])


@pytest.fixture(scope="module", autouse=True)
def object_there(probed: Stack) -> None:
    s3 = session().client("s3", endpoint_url=probed.endpoint)
    s3.put_object(Bucket=probed.outputs["UploadsBucket"], Key="vouchers/there")
    s3.put_object(Bucket=probed.outputs["UploadsBucket"], Key="elsewhere")
    s3.put_object(Bucket=probed.outputs["ResultsBucket"], Key="rejected/there")


@pytest.mark.parametrize(
    ("operation", "arguments"), CHANGE_COUNTS + READ_SOURCES[:1] + READ_UPLOADS + KEEP_RESULTS
)
def test_ingest_may_do_its_work(probed: Stack, operation: str, arguments: dict[str, Any]) -> None:
    assert outcome(probed, "IngestFunction", operation, arguments) == "allowed"


@pytest.mark.parametrize(("operation", "arguments"), CHANGE_UPLOADS)
def test_ingest_may_not_touch_the_uploads(probed: Stack, operation: str, arguments: dict[str, Any]) -> None:
    assert outcome(probed, "IngestFunction", operation, arguments) == "AccessDenied"


@pytest.mark.parametrize(("operation", "arguments"), DESTROY_COUNTS)
def test_ingest_may_add_to_counts_and_never_overwrite_or_delete_them(
    probed: Stack, operation: str, arguments: dict[str, Any]
) -> None:
    assert outcome(probed, "IngestFunction", operation, arguments) == "AccessDeniedException"


@pytest.mark.parametrize(("operation", "arguments"), CATALOGUE_ROWS)
def test_ingest_may_not_touch_the_catalog_where_no_rows_are_kept(
    probed: Stack, operation: str, arguments: dict[str, Any]
) -> None:
    assert outcome(probed, "IngestFunction", operation, arguments) in {
        "AccessDenied",
        "AccessDeniedException",
    }


@pytest.mark.parametrize(
    ("operation", "arguments"), READ_COUNTS + READ_SOURCES + READ_REJECTED + SIGN_UPLOADS
)
def test_api_may_read_counts_sources_rejected_rows_and_sign_uploads(
    probed: Stack, operation: str, arguments: dict[str, Any]
) -> None:
    assert outcome(probed, "ApiFunction", operation, arguments) == "allowed"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    CHANGE_COUNTS + DESTROY_COUNTS + SCAN_SOURCES + READ_UPLOADS + KEEP_RESULTS[::2] + CATALOGUE_ROWS,
)
def test_api_may_do_nothing_else(probed: Stack, operation: str, arguments: dict[str, Any]) -> None:
    refusals = {"AccessDenied", "AccessDeniedException", "403"}
    assert outcome(probed, "ApiFunction", operation, arguments) in refusals


def test_an_event_that_keeps_failing_ends_in_the_queue(probed: Stack) -> None:
    s3 = session().client("s3", endpoint_url=probed.endpoint)
    s3.put_object(Bucket=probed.outputs["UploadsBucket"], Key="vouchers/cannot be counted.parquet")
    failed = failed_event(probed, "vouchers/cannot+be+counted.parquet")
    assert failed["requestContext"]["approximateInvokeCount"] == 3
    assert "told to fail" in failed["responsePayload"]["errorMessage"]


def failed_event(stack: Stack, key: str, seconds: float = 20) -> Any:
    sqs = session().client("sqs", endpoint_url=stack.endpoint)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=stack.outputs["FailedEventsQueue"], WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            if event["requestPayload"]["Records"][0]["s3"]["object"]["key"] == key:
                return event
    pytest.fail(f"no failed event for {key} in {seconds} s")
