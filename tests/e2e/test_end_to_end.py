"""From the upload through the S3 event to the response, with the template and the functions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from ingest.counting.as_of import AsOf
from tests.support import oracle
from tests.support.fake_segments_table import REFERENCE_COUNTS
from tests.support.sample_files import file_of, sample_rows
from voucher_selector.cli.stack import REFERENCE
from voucher_selector.operations.upload import object_key, send
from voucher_selector.sample_data.file import write_sample
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from tests.e2e.place import Place
    from tests.support.sample_files import Rows

pytestmark = [pytest.mark.stack, pytest.mark.anywhere]

Cells = dict[tuple[str, str], dict[float, int]]
"""(country, cell) → voucher amount → count."""

COUNTRIES = ("China", "Australia", "Latvia", "Peru")
ORIGINAL = os.environ.get("VOUCHERS_2018", "")


@pytest.fixture(scope="module")
def sampled(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    file = tmp_path_factory.mktemp("sample") / "sample.parquet"
    write_sample(file)
    assert place.upload(file, "sample.parquet").status is Status.COUNTED
    return place


def write(path: Path, rows: Rows) -> Path:
    path.write_bytes(file_of(rows))
    return path


def orders_of(country: str, *amounts: float) -> Rows:
    return sample_rows(*((country, "2018-05-03", None, "15", amount) for amount in amounts))


def cell(place: Place, country: str, name: str) -> dict[float, int] | None:
    return place.cells(country).get((country.casefold(), name))


def added(before: Cells, after: Cells) -> Cells:
    """Return the counts of ``after`` minus those of ``before``."""
    more = {
        key: {amount: n - before.get(key, {}).get(amount, 0) for amount, n in counts.items()}
        for key, counts in after.items()
    }
    return {
        key: {amount: n for amount, n in counts.items() if n}
        for key, counts in more.items()
        if any(counts.values())
    }


def test_the_reference_request_has_the_reference_answer(sampled: Place) -> None:
    assert sampled.ask("/voucher_amount", REFERENCE) == (200, b'{"voucher_amount":[2640.0]}')


def test_the_sample_gives_the_twenty_rows_of_the_reference(sampled: Place) -> None:
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
        for (segment, low, high), counts in REFERENCE_COUNTS.items()
        for amount, n in counts.items()
    ]
    assert len(rows) == 20
    assert (answer["country"], answer["rows"]) == ("Peru", rows)
    assert answer["updated_at"]


def test_counts_that_have_not_changed_are_not_sent_again(sampled: Place) -> None:
    first = sampled.answer("/v1/counts?country=Peru")
    again = sampled.answer("/v1/counts?country=Peru", If_None_Match=first.headers["ETag"])
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]


def test_counts_are_a_table_for_who_asks_for_one(sampled: Place) -> None:
    answer = sampled.answer("/v1/counts?country=Peru", Accept="text/csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.body.decode().splitlines()[1] == "Peru,recency_segment,180,99999999,0,13950,"


def test_a_hundred_customers_are_answered_as_each_alone(sampled: Place) -> None:
    body = {"customers": [REFERENCE] * 100}
    answer = sampled.answer("/v1/selections", body, method="POST")
    assert {str(selection["voucher_amount"]) for selection in json.loads(answer.body)["selections"]} == {
        "[2640.0]"
    }


def test_an_upload_twice_counts_once_and_a_deletion_takes_it_away(place: Place, tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", orders_of("Bolivia", 5.0, 5.0, 7.5))
    for _ in range(2):
        place.upload(file, "a b+ü.parquet")
        place.comes_to(lambda: cell(place, "Bolivia", "frequent_segment#14-37"), {5.0: 2, 7.5: 1})
    place.delete("a b+ü.parquet")
    place.comes_to(lambda: place.cells("Bolivia"), {})
    status, body = place.ask("/v1/counts?country=Bolivia")
    assert status == 404
    assert "Bolivia" in json.loads(body)["message"]


def test_an_overwrite_replaces_the_counts(place: Place, tmp_path: Path) -> None:
    place.upload(write(tmp_path / "1.parquet", orders_of("Chile", 1.0, 2.0, 2.0)), "chile.parquet")
    place.upload(write(tmp_path / "2.parquet", orders_of("Chile", 1.0)), "chile.parquet")
    place.comes_to(lambda: cell(place, "Chile", "recency_segment#180-99999999"), {1.0: 1})


def test_an_answer_on_this_machine_knows_the_last_upload(place: Place, tmp_path: Path) -> None:
    question = "/voucher_amount?country_code=Uruguay&segment_name=frequent_segment&total_orders=15"
    assert place.ask(question)[0] == 404
    for amount in (1.0, 2.0):
        place.upload(write(tmp_path / "u.parquet", orders_of("Uruguay", amount)), "uruguay.parquet")
        assert place.ask(question) == (200, f'{{"voucher_amount":[{amount}]}}'.encode())


def test_a_source_is_found_by_any_key_and_listed_the_last_first(place: Place, tmp_path: Path) -> None:
    names = ["über/a b+ü.parquet", "über//100%.parquet", "über/a%20b.parquet"]
    for name in names:
        place.upload(write(tmp_path / "s.parquet", orders_of("Suriname", 1.0, -1.0)), name)
    for name in names:
        for path in (quote(object_key(name), safe=""), quote(object_key(name))):
            status, body = place.ask(f"/v1/sources/{path}")
            assert (status, json.loads(body).get("source")) == (200, object_key(name))
    _, first = place.ask("/v1/sources?limit=1")
    _, second = place.ask(f"/v1/sources?limit=2&cursor={json.loads(first)['next_cursor']}")
    listed = json.loads(first)["sources"] + json.loads(second)["sources"]
    assert [source["source"] for source in listed] == [object_key(name) for name in reversed(names)]
    assert [source["report"]["rejected"] for source in listed] == [1, 1, 1]
    assert place.ask("/v1/sources/vouchers%2Fnothing")[0] == 404


def test_the_as_of_date_goes_with_the_upload(place: Place, tmp_path: Path) -> None:
    state = place.upload(
        write(tmp_path / "e.parquet", orders_of("Ecuador", 3.0)), "e.parquet", as_of="2018-08-05"
    )
    assert state.as_of == "2018-08-05T00:00:00.000000Z"
    place.comes_to(lambda: cell(place, "Ecuador", "recency_segment#91-120"), {3.0: 1})


def test_rejected_rows_are_in_the_results_bucket(place: Place, tmp_path: Path) -> None:
    state = place.upload(write(tmp_path / "r.parquet", orders_of("Paraguay", 1.0, -1.0)), "r.parquet")
    assert (state.report["counted"], state.report["rejected"]) == (1, 1)
    bucket = place.deployed.outputs["ResultsBucket"]
    stored = place.deployed.s3().head_object(Bucket=bucket, Key=state.rejected_object or "")
    assert stored["ContentLength"] > 0


def test_an_unreadable_file_is_recorded_and_its_event_is_in_the_queue(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "bad.parquet"
    file.write_text("no Parquet at all")
    send(place.deployed, {object_key("bad.parquet"): file})
    sqs = place.deployed.session.client("sqs", endpoint_url=place.deployed.endpoint)
    queue = place.deployed.outputs["FailedEventsQueue"]
    received: list[str] = []

    def arrived() -> bool:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])["requestPayload"]
            received.append(event["Records"][0]["s3"]["object"]["key"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return "vouchers/bad.parquet" in received

    place.until(arrived)
    state = place.state("bad.parquet")
    assert state.status is Status.FAILED
    assert (state.error or "").startswith(
        "'vouchers/bad.parquet' was not counted: it cannot be read as Parquet"
    )


@pytest.mark.skipif(not ORIGINAL, reason="VOUCHERS_2018 does not name the public file of 2018")
@pytest.mark.parametrize("as_of", ["2018-08-05", "2018-09-15", "row", None])
def test_the_original_file_is_counted_as_row_by_row(place: Place, as_of: str | None) -> None:
    before = place.cells(*COUNTRIES)
    state = place.upload(Path(ORIGINAL), f"original {as_of}.parquet", as_of)
    moment = None if as_of == "row" else AsOf.parse(state.as_of or "").moment
    expected = oracle.count(pq.read_table(ORIGINAL).to_pylist(), moment).cells
    counted = {
        (country, name): {float(amount): n for amount, n in counters.items()}
        for (country, name), counters in expected.items()
        if not name.startswith("#")
    }
    place.comes_to(lambda: added(before, place.cells(*COUNTRIES)), counted)
    place.delete(f"original {as_of}.parquet")
    place.comes_to(lambda: place.cells(*COUNTRIES), before)
