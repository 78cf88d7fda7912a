"""A moto-backed world for the ingest function: buckets, tables, and S3 events as S3 writes them."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import boto3
import pyarrow.parquet as pq

from ingest.events import replay_record
from ingest.handler import lambda_handler
from vouchers.sources import Source, SourcesTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

UPLOADS, RESULTS, SEGMENTS, SOURCES = "uploads", "results", "voucher_segments", "voucher_sources"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "SEGMENTS_TABLE": SEGMENTS,
    "SOURCES_TABLE": SOURCES,
    "RESULTS_BUCKET": RESULTS,
    "RECENCY_AS_OF": "upload",
    "POWERTOOLS_SERVICE_NAME": "ingest",
    "POWERTOOLS_METRICS_NAMESPACE": "VoucherSelector",
}
UPLOADED = datetime(2026, 11, 22, 12, tzinfo=UTC)

Cells = dict[tuple[str, str], dict[str, int]]
"""(country, cell) → counter → count, without zeros."""


@dataclass
class World:
    """Puts and deletes objects, and hands the ingest function the events of that, when told to."""

    s3: Any = field(default_factory=lambda: boto3.client("s3"))
    dynamodb: Any = field(default_factory=lambda: boto3.client("dynamodb"))
    _ticks: Iterator[int] = field(default_factory=itertools.count)

    def create(self) -> World:
        for bucket in (UPLOADS, RESULTS):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
        self.s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})
        for table, keys in ((SEGMENTS, ("country", "cell")), (SOURCES, ("source",))):
            kinds = ("HASH", "RANGE")
            self.dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": k, "KeyType": t} for k, t in zip(keys, kinds, strict=False)],
            )
        return self

    def put(self, key: str, body: bytes, **metadata: str) -> dict[str, Any]:
        """Put an object; return the record of its event."""
        put = self.s3.put_object(
            Bucket=UPLOADS, Key=key, Body=body, Metadata={k.replace("_", "-"): v for k, v in metadata.items()}
        )
        return self.record(
            "ObjectCreated:Put", key, versionId=put["VersionId"], eTag=put["ETag"].strip('"'), size=len(body)
        )

    def delete(self, key: str) -> dict[str, Any]:
        """Delete an object; return the record of its event."""
        deleted = self.s3.delete_object(Bucket=UPLOADS, Key=key)
        return self.record("ObjectRemoved:DeleteMarkerCreated", key, versionId=deleted["VersionId"])

    def record(self, name: str, key: str, **thing: Any) -> dict[str, Any]:
        """Return one record of an S3 notification."""
        tick = next(self._ticks)
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-west-1",
            "eventTime": f"{UPLOADED + timedelta(milliseconds=tick):%Y-%m-%dT%H:%M:%S.%fZ}",
            "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": UPLOADS, "arn": f"arn:aws:s3:::{UPLOADS}"},
                "object": {"key": quote_plus(key), "sequencer": f"0055AED6DCD90281E{tick:X}", **thing},
            },
        }

    def replay(self, key: str, *, forced: bool = False) -> dict[str, Any]:
        """Return the record that asks for an object to be looked at again."""
        return replay_record(UPLOADS, key, UPLOADED + timedelta(days=1), forced=forced)

    def ingest(self, *records: dict[str, Any]) -> list[str]:
        """Hand records to the ingest function in one event; return their outcomes."""
        outcomes: list[str] = lambda_handler({"Records": list(records)}, lambda_context())["outcomes"]
        return outcomes

    def source(self, key: str) -> Source:
        return SourcesTable(self.dynamodb, SOURCES).load(key)

    def cells(self) -> Cells:
        """Return all counters of the segments table that are not 0."""
        items = self.dynamodb.scan(TableName=SEGMENTS, ConsistentRead=True)["Items"]
        found = {(i["country"]["S"], i["cell"]["S"]): _counters(i) for i in items}
        return {cell: counters for cell, counters in found.items() if counters}

    def results(self) -> list[str]:
        """Return the keys in the results bucket."""
        return [o["Key"] for o in self.s3.list_objects_v2(Bucket=RESULTS).get("Contents", [])]

    def result_rows(self, key: str) -> list[dict[str, Any]]:
        body = self.s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return rows


def parquet(table: pa.Table, **options: Any) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def lambda_context(seconds: float = 900) -> Any:
    return SimpleNamespace(
        function_name="ingest",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:eu-west-1:000000000000:function:ingest",
        aws_request_id="00000000-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: int(seconds * 1000),
    )


def _counters(item: dict[str, Any]) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.items() if "N" in value and value["N"] != "0"}
