from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from ingest.errors import SupersededError
from ingest.parquet.read_ahead import BLOCK, ReadAhead
from ingest.storage.s3_objects import ATTEMPTS, ObjectVersion, open_object

LARGE = bytes(range(256)) * (BLOCK // 256 + 1)


def version_of(body: bytes) -> ObjectVersion:
    return ObjectVersion("uploads", "vouchers/a", len(body), '"e"', None, datetime.now(UTC), {})


class Body:
    def __init__(self, data: bytes, *, breaks: bool) -> None:
        self._data = data
        self._breaks = breaks

    def read(self) -> bytes:
        if self._breaks:
            raise ResponseStreamingError(error="connection broken")
        return self._data


class Client:
    """An S3 client with one object; its first responses are cut off."""

    def __init__(self, body: bytes, breaks: int = 0) -> None:
        self.body = body
        self.breaks = breaks
        self.calls: list[dict[str, Any]] = []

    def get_object(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        first, last = call["Range"].removeprefix("bytes=").split("-")
        breaks, self.breaks = self.breaks > 0, self.breaks - 1
        return {"Body": Body(self.body[int(first) : int(last) + 1], breaks=breaks)}


def read(client: Any) -> bytes:
    with open_object(client, version_of(client.body)) as file:
        return file.read()


def test_a_small_object_takes_one_request() -> None:
    client = Client(b"small")
    assert read(client) == b"small"
    assert [call["Range"] for call in client.calls] == ["bytes=0-4"]


def test_an_empty_object_takes_none() -> None:
    client = Client(b"")
    assert read(client) == b""
    assert not client.calls


def test_a_large_object_is_read_ahead_by_ranges() -> None:
    client = Client(LARGE)
    with open_object(client, version_of(LARGE)) as file:  # type: ignore[arg-type] # a stand-in
        assert isinstance(file, ReadAhead)
        file.seek(-10, io.SEEK_END)
        assert file.read() == LARGE[-10:]
    assert {call["IfMatch"] for call in client.calls} == {'"e"'}


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    assert read(Client(b"small", breaks=ATTEMPTS - 1)) == b"small"


def test_an_answer_that_always_breaks_off_is_an_error() -> None:
    with pytest.raises(ResponseStreamingError):
        read(Client(b"small", breaks=ATTEMPTS))


def test_a_version_that_has_gone_is_superseded() -> None:
    class Gone(Client):
        def get_object(self, **_call: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "412"}}, "GetObject")

    with pytest.raises(SupersededError, match="vouchers/a"):
        read(Gone(b"small"))
