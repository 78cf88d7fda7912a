"""A sources table in memory with three sources, of which two are listed, for the API's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from vouchers.dynamodb.sources_table import Source, SourcesTable, State, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOMENTS = {
    name: f"2026-11-22T{time}Z" for name, time in (("at", "10:00:00.000000"), ("up", "09:59:58.000000"))
}
SAMPLE = State(
    Status.COUNTED,
    "01",
    MOMENTS["up"],
    MOMENTS["at"],
    "206f16a74bf2",
    as_of=MOMENTS["up"],
    uploaded_at=MOMENTS["up"],
    version_id="3HL4kqtJvjVBH40Nrjfkd",
    etag='"9b2cf535f27731c974343645a3985328"',
    report={
        "rows": 106547,
        "counted": 106547,
        "rejected": 0,
        "rejected_by_reason": {},
        "repaired": {"total_orders_empty": 0, "voucher_amount_null": 13950},
        "segments": {
            name: {"counted": 106547, "unsegmented": 0} for name in ("recency_segment", "frequent_segment")
        },
        "rejected_examples": {},
        "countries": {"Peru": 106547},
        "seconds": 0.4,
    },
)


KEYS = ("vouchers/sample.parquet", "vouchers/older.parquet")
LATE = "vouchers/late.parquet"
"""A source with a rejected row."""


class FakeClient:
    """Stands in for DynamoDB: reads and pages of the two sources."""

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"Item": item(key)} if (key := Key["source"]["S"]) in (*KEYS, LATE) else {}

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": [item(KEYS[0])]}

    def get_paginator(self, _: str) -> FakeClient:
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        counted = asked["ExpressionAttributeValues"][":status"]["S"] == "counted"
        return [{"Items": [item(key) for key in KEYS] if counted else []}]


def fake_sources_table() -> SourcesTable:
    """Return a table with the two sources."""
    return SourcesTable(cast("DynamoDBClient", FakeClient()), "sources")


def item(key: str) -> dict[str, Any]:
    """Return a source as DynamoDB stores it."""
    table = SourcesTable(cast("DynamoDBClient", None), "sources")
    state = SAMPLE
    if key == LATE:
        state = replace(
            SAMPLE, rejected_object="rejected/late.parquet", report={**SAMPLE.report, "rejected": 1}
        )
    stored: dict[str, Any] = table.put_if_unchanged(Source(key), Source(key, 1, state))["Item"]
    return stored
