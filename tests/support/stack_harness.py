"""A harness for the ingest function: buckets, tables, and the events that S3 would send.

boto3 decides where they are: in moto, or in the emulator of the embedded stack.
"""

from __future__ import annotations

import io
import itertools
import re
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import boto3
import pyarrow.parquet as pq

from ingest.events import replay_record
from ingest.handler import IngestError, lambda_handler
from ingest.storage.partition_names import TABLE
from tests.support.recount_rows import grouped
from vouchers.counts import SPELLINGS
from vouchers.dynamodb.sources_table import Source, SourcesTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from vouchers.segments import Definitions

REGION = "eu-west-1"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
UPLOADED = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=False)]


SOURCES_INDEX = {
    "IndexName": "newest",
    "KeySchema": _schema(("status", "committed_at")),
    "Projection": {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": [
            "as_of", "definitions", "error", "etag", "event_time",
            "rejected_object", "report", "sequencer", "uploaded_at", "version_id",
        ],
    },
}  # fmt: skip
UPLOADED_INDEX = {
    "IndexName": "uploaded",
    "KeySchema": _schema(("status", "uploaded_at")),
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
"""The indexes of the template; a test compares them."""

FILE_OF_ROWS = re.compile(rf"({TABLE}/.+/\d{{8}}-[0-9a-f]{{32}}/)country=.+")

Cells = dict[tuple[str, str], dict[str, int]]
"""(country, cell) → counter → count, without zeros."""


@dataclass
class StackHarness:
    """Puts and deletes objects, and passes their events to the ingest function on request.

    ``sequencers`` names the sequencers of the events: "growing", as from S3, or the "same" for all.
    """

    suffix: str = ""
    versioned: bool = True
    sequencers: str = "growing"
    keeps_rows: bool = False
    s3: Any = field(default_factory=lambda: boto3.client("s3"))
    dynamodb: Any = field(default_factory=lambda: boto3.client("dynamodb"))
    glue: Any = field(default_factory=lambda: boto3.client("glue"))
    _ticks: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.uploads, self.results = f"uploads{self.suffix}", f"results{self.suffix}"
        self.segments, self.sources = f"voucher_segments{self.suffix}", f"voucher_sources{self.suffix}"
        self.database = f"rows{self.suffix}".replace("-", "_")

    @property
    def environment(self) -> dict[str, str]:
        """The ingest function's environment."""
        return {
            "SEGMENTS_TABLE": self.segments,
            "SOURCES_TABLE": self.sources,
            "UPLOADS_BUCKET": self.uploads,
            "RESULTS_BUCKET": self.results,
            "RECENCY_AS_OF": "upload",
            "ROWS_DATABASE": self.database if self.keeps_rows else "",
        }

    def create(self) -> StackHarness:
        place = {"LocationConstraint": REGION}
        for bucket in (self.uploads, self.results):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        if self.versioned:
            self.s3.put_bucket_versioning(Bucket=self.uploads, VersioningConfiguration={"Status": "Enabled"})
        if self.keeps_rows:
            self.glue.create_database(DatabaseInput={"Name": self.database})
        self._create_table(self.segments, ("country", "cell"))
        self._create_table(self.sources, ("source",), SOURCES_INDEX, UPLOADED_INDEX)
        return self

    def _create_table(self, name: str, keys: tuple[str, ...], *indexes: dict[str, Any]) -> None:
        named = {key["AttributeName"] for index in indexes for key in index["KeySchema"]}
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in sorted(named | set(keys))
            ],
            KeySchema=_schema(keys),
            **({"GlobalSecondaryIndexes": list(indexes)} if indexes else {}),
        )

    def put(self, key: str, body: bytes, **metadata: str) -> dict[str, Any]:
        """Put an object; return the record of its event."""
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        put = self.s3.put_object(Bucket=self.uploads, Key=key, Body=body, Metadata=named)
        return self.record("ObjectCreated:Put", key, put, eTag=put["ETag"].strip('"'), size=len(body))

    def delete(self, key: str) -> dict[str, Any]:
        """Delete an object; return the record of its event."""
        deleted = self.s3.delete_object(Bucket=self.uploads, Key=key)
        name = "ObjectRemoved:DeleteMarkerCreated" if self.versioned else "ObjectRemoved:Delete"
        return self.record(name, key, deleted)

    def delete_version(self, key: str, version: str) -> dict[str, Any]:
        """Delete one version of an object for good; return the record of its event."""
        self.s3.delete_object(Bucket=self.uploads, Key=key, VersionId=version)
        return self.record("ObjectRemoved:Delete", key, {"VersionId": version})

    def record(
        self, name: str, key: str, answer: dict[str, Any] | None = None, **thing: Any
    ) -> dict[str, Any]:
        """Return one record of an S3 notification, given S3's answer to the call that caused it."""
        tick = next(self._ticks)
        version = {"versionId": answer["VersionId"]} if answer and "VersionId" in answer else {}
        sequencer = f"0055AED6DCD90281E{tick:04X}" if self.sequencers == "growing" else "0055AED6DCD90281E5"
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": f"{UPLOADED + timedelta(milliseconds=tick):%Y-%m-%dT%H:%M:%S.%fZ}",
            "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": self.uploads, "arn": f"arn:aws:s3:::{self.uploads}"},
                "object": {"key": quote_plus(key), "sequencer": sequencer, **version, **thing},
            },
        }

    def replay(self, key: str, *, forced: bool = False) -> dict[str, Any]:
        """Return the record of a replay of an object."""
        return replay_record(self.uploads, key, UPLOADED + timedelta(days=1), forced=forced)

    def ingest(self, *records: dict[str, Any]) -> list[str]:
        """Pass records to the ingest function in one event; return their outcomes."""
        outcomes: list[str] = lambda_handler({"Records": list(records)}, lambda_context())["outcomes"]
        return outcomes

    def deliver(self) -> None:
        """Ingest a new event of each object and of each deletion, as S3 and Lambda do."""
        found = self.s3.list_object_versions(Bucket=self.uploads)
        events = [
            *(
                (entry, "ObjectCreated:Put", {"eTag": entry["ETag"].strip('"')})
                for entry in found.get("Versions", [])
            ),
            *((entry, "ObjectRemoved:DeleteMarkerCreated", {}) for entry in found.get("DeleteMarkers", [])),
        ]
        for entry, name, more in events:
            if entry["IsLatest"]:
                record = self.record(name, entry["Key"], {"VersionId": entry["VersionId"]}, **more)
                with suppress(IngestError), redirect_stdout(io.StringIO()):
                    self.ingest(record)

    def source(self, key: str) -> Source:
        return SourcesTable(self.dynamodb, self.sources).load(key)

    def counters(self) -> Cells:
        """Return all counters of the segments table, including zeros."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.segments, ConsistentRead=True)
        items = (item for page in pages for item in page["Items"])
        return {(i["country"]["S"], i["cell"]["S"]): _numbers(i) for i in items}

    def cells(self) -> Cells:
        """Return all counters of the segments table that are not 0."""
        found = {c: {k: n for k, n in counters.items() if n} for c, counters in self.counters().items()}
        return {cell: counters for cell, counters in found.items() if counters}

    def listed(self) -> dict[tuple[str, str], str]:
        """Return the location of each partition in the catalog."""
        return listed(self.glue, self.database)

    def listed_rows(self) -> list[dict[str, Any]]:
        """Return the segmented rows that a reader finds through the catalog, with partition columns."""
        rows = []
        for (source, country), url in self.listed().items():
            prefix = url.removeprefix(f"s3://{self.results}/")
            assert prefix.startswith("voucher_selector/")
            keys = [key for key in self.result_keys() if key.startswith(prefix)]
            named = {"source": source, "country": country}
            rows += [row | named for key in keys for row in self.result_rows(key)]
        return rows

    def listed_cells(self, used: Definitions) -> Cells:
        """Return the counts of the segmented rows that a reader finds through the catalog."""
        return {
            cell: {f"as:{name}" if cell[1] == SPELLINGS else name: n for name, n in counters.items()}
            for cell, counters in grouped(self.listed_rows(), used).items()
        }

    def result_keys(self) -> list[str]:
        """Return the keys in the results bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.results)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def result_objects(self) -> set[str]:
        """Return the objects of the results bucket as sources name them: keys, and folders of rows."""
        return {FILE_OF_ROWS.sub(r"\1", key) for key in self.result_keys()}

    def result_rows(self, key: str) -> list[dict[str, Any]]:
        body = self.s3.get_object(Bucket=self.results, Key=key)["Body"].read()
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return rows


def listed(glue: Any, database: str) -> dict[tuple[str, str], str]:
    """Return the URL from which a database's segmented rows are read, by source and country."""
    try:
        pages = [*glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=TABLE)]
    except glue.exceptions.EntityNotFoundException:
        return {}
    found = [partition for page in pages for partition in page["Partitions"]]
    urls = {tuple(partition["Values"]): partition["StorageDescriptor"]["Location"] for partition in found}
    assert len(urls) == len(found)
    return urls


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


def _numbers(item: dict[str, Any]) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.items() if "N" in value}
