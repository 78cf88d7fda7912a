"""`verify` finds errors on the running stack; `verify`, `replay` and `redrive` correct them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.support.sample_files import body
from voucher_selector.cli.main import cli
from vouchers.dynamodb.sources_table import SourcesTable, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.place import Place

pytestmark = [pytest.mark.stack, pytest.mark.anywhere, pytest.mark.usefixtures("environment_of_place")]

PREFIX = "vouchers/repairs/"
KEY = f"{PREFIX}a b+ü.parquet"
CELL = {"country": {"S": "peru"}, "cell": {"S": "#spellings"}}


@dataclass
class Shop:
    """A running stack, and actions on it."""

    place: Place

    def __post_init__(self) -> None:
        outputs = self.place.deployed.outputs
        self.s3, self.dynamodb = self.place.deployed.s3(), self.place.deployed.dynamodb()
        self.uploads = outputs["UploadsBucket"]
        self.segments, self.sources = outputs["SegmentsTable"], outputs["SourcesTable"]

    def run(self, *arguments: str) -> tuple[int, Any]:
        result = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    def put(self, key: str, name: str) -> None:
        self.s3.put_object(Bucket=self.uploads, Key=key, Body=body(name))

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.uploads, Key=key)

    def upload(self, key: str, name: str) -> None:
        """Put an object and wait until its event is processed."""
        put = self.s3.put_object(Bucket=self.uploads, Key=key, Body=body(name))
        table = SourcesTable(self.dynamodb, self.sources)
        self.until(lambda: (state := table.load(key).state) and state.version_id == put["VersionId"])

    def until(self, happened: Callable[[], object]) -> None:
        self.place.until(happened)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Disable the bucket's notifications in a block."""
        answer = self.s3.get_bucket_notification_configuration(Bucket=self.uploads)
        reported: Any = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        self.s3.put_bucket_notification_configuration(Bucket=self.uploads, NotificationConfiguration={})
        try:
            yield
        finally:
            self.s3.put_bucket_notification_configuration(
                Bucket=self.uploads, NotificationConfiguration=reported
            )


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    """A stack with correct counts, which is correct and without this module's objects afterwards."""
    shop = Shop(place)
    shop.upload(KEY, "peru")
    shop.until(lambda: shop.run("verify")[0] == 0)
    yield shop
    for content in shop.s3.list_objects_v2(Bucket=shop.uploads, Prefix=PREFIX)["Contents"]:
        shop.delete(content["Key"])
    assert shop.run("replay", PREFIX)[0] == 0
    assert shop.run("verify")[1]["differences"] == []


def set_spelling(shop: Shop) -> None:
    shop.dynamodb.update_item(
        TableName=shop.segments,
        Key=CELL,
        UpdateExpression="ADD #c :n",
        ExpressionAttributeNames={"#c": "as:PERU"},
        ExpressionAttributeValues={":n": {"N": "-1"}},
    )


def delete_cell(shop: Shop) -> None:
    shop.dynamodb.delete_item(TableName=shop.segments, Key=CELL)


@pytest.mark.parametrize("change", [set_spelling, delete_cell])
def test_counters_changed_by_hand_are_found_and_set_right(shop: Shop, change: Callable[[Shop], None]) -> None:
    change(shop)

    code, found = shop.run("verify")
    assert (code, found["problems"]) == (1, [])
    assert {(d["country"], d["cell"]) for d in found["differences"]} == {("peru", "#spellings")}
    shop.run("replay", "repairs/", "--force")
    assert shop.run("verify")[1] == found
    assert shop.run("verify", "--repair") == (0, found)
    assert shop.run("verify")[0] == 0


def test_a_source_that_was_forgotten_is_counted_again_and_then_set_right(shop: Shop) -> None:
    shop.dynamodb.delete_item(TableName=shop.sources, Key={"source": {"S": KEY}})

    found = shop.run("verify")[1]
    assert found["problems"] == [{"source": KEY, "problem": "is not counted yet"}]
    code, replayed = shop.run("replay", "repairs/a")
    assert (code, replayed["counted"]) == (0, 1)
    code, found = shop.run("verify")
    assert (code, found["problems"]) == (1, [])
    assert shop.run("verify", "--repair")[0] == 0
    assert shop.run("verify")[0] == 0


def test_a_replay_finds_and_corrects_changes_without_an_event(shop: Shop) -> None:
    shop.upload("vouchers/repairs/gone", "dirty")
    with shop.unheard():
        shop.put("vouchers/repairs/new", "china")
        shop.put(KEY, "dirty")
        shop.delete("vouchers/repairs/gone")

    code, found = shop.run("verify")
    assert code == 1
    assert {(p["source"], p["problem"]) for p in found["problems"]} == {
        ("vouchers/repairs/new", "is not counted yet"),
        (KEY, "is not counted yet"),
        ("vouchers/repairs/gone", "is counted, but its object is deleted"),
    }
    code, replayed = shop.run("replay", "repairs/")
    assert (code, replayed["counted"], replayed["deleted"], replayed["failed"]) == (0, 2, 1, [])
    assert shop.run("verify")[0] == 0


def test_a_failed_event_stays_in_the_queue_until_its_file_is_mended(shop: Shop) -> None:
    key = "vouchers/repairs/bad"
    shop.upload(key, "broken")
    table = SourcesTable(shop.dynamodb, shop.sources)
    shop.until(lambda: any(key in failed["sources"] for failed in shop.run("redrive")[1]["failed"]))
    assert [f["source"] for f in shop.run("replay", "repairs/bad")[1]["failed"]] == [key]
    state = table.load(key).state
    assert state
    assert state.status is Status.FAILED
    assert shop.run("verify")[0] == 0

    shop.upload(key, "china")

    found = shop.run("redrive")[1]
    mine = [redriven for redriven in found["redriven"] if key in redriven["sources"]]
    assert mine == [{"sources": [key], "outcomes": ["late"]}]
    assert shop.run("verify")[0] == 0
    assert all(key not in redriven["sources"] for redriven in shop.run("redrive")[1]["redriven"])
