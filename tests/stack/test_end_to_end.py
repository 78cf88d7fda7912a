"""From the upload over the trigger to the answer, on the real template with the real functions."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pyarrow as pa
import pytest

from infra.cli.stack import REFERENCE
from infra.cli.target import Deployed
from infra.cli.uploading import load, object_key, send
from infra.local.deploy import session
from infra.sample.file import write_sample
from ingest.as_of import AsOf
from tests import oracle
from tests.counted import PERU
from tests.world import parquet
from vouchers.sources import SourcesTable, Status
from vouchers.table import SegmentsTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.stack import Stack
    from vouchers.sources import State

pytestmark = pytest.mark.stack

ORIGINAL = os.environ.get("VOUCHERS_2018", "")
SECONDS = 60


@dataclass
class Live:
    """A running stack, and what a person does with it."""

    stack: Stack
    deployed: Deployed

    def upload(self, file: Path, name: str, as_of: str | None = None) -> State:
        return load(self.deployed, file, object_key(name), as_of)

    def delete(self, name: str) -> None:
        bucket = self.stack.outputs["UploadsBucket"]
        self.deployed.s3().delete_object(Bucket=bucket, Key=object_key(name))
        self.until(lambda: self.state(name).status is Status.DELETED)

    def state(self, name: str) -> State:
        table = SourcesTable(self.deployed.dynamodb(), self.stack.outputs["SourcesTable"])
        state = table.load(object_key(name)).state
        assert state is not None
        return state

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection(urlsplit(self.stack.url).netloc, timeout=SECONDS)
        sent = None if body is None else json.dumps(body)
        connection.request("GET", path, sent, {"Content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()

    def cells(self, *countries: str) -> dict[tuple[str, str], dict[float, int]]:
        table = SegmentsTable(self.deployed.dynamodb(), self.stack.outputs["SegmentsTable"])
        found = {country.casefold(): table.country(country) for country in countries}
        return {
            (key, cell): counts.amounts
            for key, country in found.items()
            if country
            for cell, counts in country.cells.items()
            if counts.amounts
        }

    def until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not happened():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def live(stack: Stack) -> Live:
    return Live(stack, Deployed(session(), stack.endpoint, stack.outputs))


@pytest.fixture(scope="module")
def sampled(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Live:
    file = tmp_path_factory.mktemp("sample") / "sample.parquet"
    write_sample(file)
    assert live.upload(file, "sample.parquet").status is Status.COUNTED
    return live


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(parquet(pa.Table.from_pylist(rows)))
    return path


def uses(country: str, *amounts: float) -> list[dict[str, Any]]:
    row = {"country_code": country, "last_order_ts": "2018-05-03", "total_orders": "15"}
    return [row | {"voucher_amount": amount} for amount in amounts]


def test_the_reference_request_has_the_reference_answer(sampled: Live) -> None:
    assert sampled.ask("/voucher_amount", REFERENCE) == (200, b'{"voucher_amount":[2640.0]}')


def test_the_sample_gives_the_twenty_rows_of_the_reference(sampled: Live) -> None:
    status, body = sampled.ask("/v1/counts?country=Peru")
    assert status == 200
    answer = json.loads(body)
    rows = [
        {
            "min_range": low,
            "max_range": high,
            "segment_name": segment,
            "voucher_amount": float(amount),
            "count": n,
        }
        for (segment, low, high), counts in PERU.items()
        for amount, n in counts.items()
    ]
    assert len(rows) == 20
    assert (answer["country"], answer["rows"]) == ("Peru", rows)
    assert answer["updated_at"]


def test_an_upload_twice_counts_once_and_a_deletion_takes_the_counts_away(live: Live, tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", uses("Bolivia", 5.0, 5.0, 7.5))
    for _ in range(2):
        live.upload(file, "a b+ü.parquet")
        assert live.cells("Bolivia")["bolivia", "frequent_segment#14-37"] == {5.0: 2, 7.5: 1}
    live.delete("a b+ü.parquet")
    assert live.cells("Bolivia") == {}
    status, body = live.ask("/v1/counts?country=Bolivia")
    assert status == 404
    assert "Bolivia" in json.loads(body)["message"]


def test_an_overwrite_replaces_the_counts(live: Live, tmp_path: Path) -> None:
    live.upload(write(tmp_path / "1.parquet", uses("Chile", 1.0, 2.0, 2.0)), "chile.parquet")
    live.upload(write(tmp_path / "2.parquet", uses("Chile", 1.0)), "chile.parquet")
    assert live.cells("Chile")["chile", "recency_segment#180-99999999"] == {1.0: 1}


def test_an_answer_on_this_machine_knows_the_last_upload(live: Live, tmp_path: Path) -> None:
    question = "/voucher_amount?country_code=Uruguay&segment_name=frequent_segment&total_orders=15"
    assert live.ask(question)[0] == 404
    for amount in (1.0, 2.0):
        live.upload(write(tmp_path / "u.parquet", uses("Uruguay", amount)), "uruguay.parquet")
        assert live.ask(question) == (200, f'{{"voucher_amount":[{amount}]}}'.encode())


def test_a_source_is_found_by_any_key_and_listed_the_last_first(live: Live, tmp_path: Path) -> None:
    names = ["über/a b+ü.parquet", "über//100%.parquet", "über/a%20b.parquet"]
    for name in names:
        live.upload(write(tmp_path / "s.parquet", uses("Suriname", 1.0, -1.0)), name)
    for name in names:
        for path in (quote(object_key(name), safe=""), quote(object_key(name))):
            status, body = live.ask(f"/v1/sources/{path}")
            assert (status, json.loads(body).get("source")) == (200, object_key(name))
    _, first = live.ask("/v1/sources?limit=1")
    _, second = live.ask(f"/v1/sources?limit=2&cursor={json.loads(first)['next_cursor']}")
    listed = json.loads(first)["sources"] + json.loads(second)["sources"]
    assert [each["source"] for each in listed] == [object_key(name) for name in reversed(names)]
    assert [each["report"]["rejected"] for each in listed] == [1, 1, 1]
    assert live.ask("/v1/sources/vouchers%2Fnothing")[0] == 404


def test_the_as_of_date_goes_with_the_upload(live: Live, tmp_path: Path) -> None:
    state = live.upload(write(tmp_path / "e.parquet", uses("Ecuador", 3.0)), "e.parquet", as_of="2018-08-05")
    assert state.as_of == "2018-08-05T00:00:00.000000Z"
    assert live.cells("Ecuador")["ecuador", "recency_segment#91-120"] == {3.0: 1}


def test_rejected_rows_are_in_the_results_bucket(live: Live, tmp_path: Path) -> None:
    state = live.upload(write(tmp_path / "r.parquet", uses("Paraguay", 1.0, -1.0)), "r.parquet")
    assert (state.report["counted"], state.report["rejected"]) == (1, 1)
    bucket = live.stack.outputs["ResultsBucket"]
    assert live.deployed.s3().head_object(Bucket=bucket, Key=state.rejected_object or "")["ContentLength"] > 0


def test_a_file_that_cannot_be_read_is_recorded_and_its_event_ends_in_the_queue(
    live: Live, tmp_path: Path
) -> None:
    file = tmp_path / "bad.parquet"
    file.write_text("no Parquet at all")
    send(live.deployed, file, object_key("bad.parquet"), None)
    sqs = session().client("sqs", endpoint_url=live.stack.endpoint)
    received: list[dict[str, Any]] = []

    def arrived() -> bool:
        queue = live.stack.outputs["FailedEventsQueue"]
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        received.extend(json.loads(message["Body"]) for message in messages.get("Messages", []))
        return bool(received)

    live.until(arrived)
    assert received[0]["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "vouchers/bad.parquet"
    state = live.state("bad.parquet")
    assert state.status is Status.FAILED
    assert (state.error or "").startswith(
        "'vouchers/bad.parquet' was not counted: it cannot be read as Parquet"
    )


@pytest.mark.skipif(not ORIGINAL, reason="VOUCHERS_2018 does not name the public file of 2018")
@pytest.mark.parametrize("as_of", ["2018-08-05", "2018-09-15", "row", None])
def test_the_original_file_is_counted_as_row_by_row(live: Live, as_of: str | None) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    state = live.upload(Path(ORIGINAL), f"original {as_of}.parquet", as_of)
    moment = None if as_of == "row" else AsOf.parse(state.as_of or "").moment
    expected = oracle.count(pq.read_table(ORIGINAL).to_pylist(), moment).cells
    counted = {
        (country, cell): {float(name): n for name, n in counters.items()}
        for (country, cell), counters in expected.items()
        if not cell.startswith("#")
    }
    before = live.cells("China", "Australia", "Latvia", "Peru")
    live.delete(f"original {as_of}.parquet")
    after = live.cells("China", "Australia", "Latvia", "Peru")
    gone = {
        cell: {amount: n - after.get(cell, {}).get(amount, 0) for amount, n in counts.items()}
        for cell, counts in before.items()
    }
    assert {
        c: {a: n for a, n in counts.items() if n} for c, counts in gone.items() if any(counts.values())
    } == counted
