"""Small files, and stand-ins for S3 in simulated time."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.rows import draw_rows
from ingest.events import Kind, ObjectEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.burst.clock import Clock

ROWS = 100
HEAD_SECONDS, GET_SECONDS, PUT_SECONDS = 0.02, 0.03, 0.04
UPLOADED = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDERS = ("0", "5", "14", "38")
"""One value of each range."""


def small_files(number: int) -> list[bytes]:
    """Return Parquet files with random rows of all countries of the sample."""
    table = draw_rows("text", number * ROWS, seed=1)
    table = table.take(np.random.default_rng(1).permutation(len(table)))
    return [_parquet(table.slice(start, ROWS)) for start in range(0, len(table), ROWS)]


def files_of_countries(number: int, countries: int) -> list[bytes]:
    """Return Parquet files, each with its own ``countries`` and a row in every range of orders."""
    names = [[f"Country {file} {n}" for n in range(countries)] for file in range(number)]
    return [_parquet(_rows(countries_of_file)) for countries_of_file in names]


def _rows(countries: Sequence[str]) -> pa.Table:
    same = {"last_order_ts": "2020-01-01", "timestamp": "2020-03-01", "voucher_amount": "2640.0"}
    rows = len(countries) * len(ORDERS)
    columns: dict[str, Any] = {name: pa.repeat(value, rows) for name, value in same.items()}
    columns["country_code"] = [name for name in countries for _ in ORDERS]
    return pa.table(columns | {"total_orders": [*ORDERS] * len(countries)})


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="gzip")
    return sink.getvalue()


def creation_event(number: int, key: str) -> ObjectEvent:
    """Return the event of an object's creation; events with higher numbers are later."""
    at = UPLOADED + timedelta(milliseconds=number)
    return ObjectEvent(Kind.CREATED, "uploads", key, at, f"{number:016X}", f"v{number}", f"e{number}")


@dataclass(frozen=True, slots=True)
class FakeUploadsBucket:
    """An S3 client of the uploads bucket, whose objects repeat ``files`` in turn.

    The version of every event exists, even after later writes; this gives the events the most work.
    """

    clock: Clock
    files: Sequence[bytes]

    def head_object(self, *, VersionId: str, **_: Any) -> dict[str, Any]:  # noqa: N803, ANN401 - as botocore's
        """Describe a version."""
        self.clock.sleep_about(HEAD_SECONDS)
        body = self._body(VersionId.lstrip("v"))
        etag = f'"{VersionId.replace("v", "e")}"'
        return {"ContentLength": len(body), "ETag": etag, "VersionId": VersionId, "LastModified": UPLOADED}

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - as botocore's
        """Find no table."""
        self.clock.sleep_about(HEAD_SECONDS)
        return {}

    def get_object(self, *, IfMatch: str, **_: Any) -> dict[str, Any]:  # noqa: N803, ANN401 - as botocore's
        """Return the bytes of a version."""
        self.clock.sleep_about(GET_SECONDS)
        return {"Body": io.BytesIO(self._body(IfMatch.strip('"e')))}

    def _body(self, number: str) -> bytes:
        return self.files[int(number) % len(self.files)]


@dataclass(frozen=True, slots=True)
class FakeResultsBucket:
    """An S3 client of the results bucket."""

    clock: Clock
    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803, ANN401 - as botocore's
        """Store an object."""
        self.clock.sleep_about(PUT_SECONDS)
        self.objects[Key] = Body

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803, ANN401 - as botocore's
        """Return an object's bytes."""
        self.clock.sleep_about(GET_SECONDS)
        return {"Body": io.BytesIO(self.objects[Key])}

    def delete_object(self, *, Key: str, **_: Any) -> None:  # noqa: N803, ANN401 - as botocore's
        """Delete an object."""
        self.clock.sleep_about(HEAD_SECONDS)
        del self.objects[Key]
