from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from moto import mock_aws

from api import dependencies
from tests.support.api_gateway import CUSTOMER, call, rest_event
from tests.support.fake_segments_table import REFERENCE_COUNTS, UPDATED_AT, contribution
from tests.support.traced_calls import traced_calls
from vouchers.counts import Cell, range_cell, spellings_cell
from vouchers.dynamodb.segments_table import add_update
from vouchers.segments import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel

    from vouchers.counts import Contribution, Counters

    Add = Callable[[Contribution], None]

TABLE = "segments"
LOW = ("frequent_segment", 0, 4)


@pytest.fixture(autouse=True)
def add(monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """A function that adds counts to a table in moto, which contains the reference counts of Peru."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("SEGMENTS_TABLE", TABLE)
    monkeypatch.delenv("ANSWER_CACHE_SECONDS", raising=False)
    dependencies.segments_table.cache_clear()
    dependencies.answer_cache.cache_clear()
    with mock_aws():
        client = dependencies.segments_table().client
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "country", "KeyType": "HASH"},
                {"AttributeName": "cell", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "country", "AttributeType": "S"},
                {"AttributeName": "cell", "AttributeType": "S"},
            ],
        )

        def add(counts: Contribution) -> None:
            for cell, counters in counts.items():
                client.update_item(**add_update(TABLE, cell, counters, UPDATED_AT))

        add(contribution("Peru", REFERENCE_COUNTS))
        yield add
    dependencies.segments_table.cache_clear()
    dependencies.answer_cache.cache_clear()


@pytest.fixture
def calls() -> list[str]:
    """The names of the DynamoDB calls that follow."""
    names: list[str] = []

    def count(model: OperationModel, **_: object) -> None:
        names.append(model.name)

    dependencies.segments_table().client.meta.events.register("before-call.dynamodb", count)
    return names


def ask(**changes: object) -> str:
    return call(rest_event(body=json.dumps(CUSTOMER | changes))).body


def without(counts: Counters) -> Counters:
    return {name: -count for name, count in counts.items()}


def test_the_reference_request_is_answered_with_one_get_item(calls: list[str]) -> None:
    assert ask() == '{"voucher_amount":[2640.0]}'
    assert calls == ["GetItem"]


def test_a_request_runs_functions_of_at_most_fourteen_modules() -> None:
    answers: list[str] = []
    modules = {call.module for call in traced_calls(lambda: answers.append(ask()))}
    assert answers == ['{"voucher_amount":[2640.0]}']
    assert {"api/handler.py", "vouchers/dynamodb/segments_table.py"} < modules
    assert len(modules) <= 14


def test_a_repeated_request_is_answered_from_the_cache(
    monkeypatch: pytest.MonkeyPatch, add: Add, calls: list[str]
) -> None:
    monkeypatch.setenv("ANSWER_CACHE_SECONDS", "3600")
    dependencies.answer_cache.cache_clear()
    first = ask()
    add({range_cell("Peru", "recency_segment", Range(180, 99999999)): {"2640": -49102}})
    calls.clear()
    assert ask(customer_id=124, last_order_ts="2018-05-04") == first
    assert calls == []
    assert ask(segment_name="frequent_segment") == '{"voucher_amount":[2640.0]}'
    assert calls == ["GetItem"]


def test_unknown_countries_cost_one_scan_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    monkeypatch.setenv("ANSWER_CACHE_SECONDS", "3600")
    dependencies.answer_cache.cache_clear()
    for country in ("Atlantis", "Utopia", "Atlantis"):
        assert "use one of: Peru" in ask(country_code=country)
    assert calls == ["GetItem", "Query", "Scan", "GetItem", "Query"]


def test_the_same_client_serves_every_request() -> None:
    ask()
    first = dependencies.segments_table().client
    ask()
    assert dependencies.segments_table().client is first


@pytest.mark.parametrize("country", ["Peru", "peru", " PERU "])
def test_a_country_is_matched_however_it_is_written(country: str) -> None:
    assert ask(country_code=country) == '{"voucher_amount":[2640.0]}'


@pytest.mark.parametrize(("days", "answer"), [(29, "[]"), (30, "[7.5]"), (60, "[7.5]"), (61, "[]")])
def test_a_range_is_inclusive_at_both_ends(add: Add, days: int, answer: str) -> None:
    add(contribution("Peru", {("recency_segment", 30, 60): {0: 9, 7.5: 1}}))
    last_order = datetime.now(UTC) - timedelta(days=days, seconds=60)
    assert ask(last_order_ts=last_order.isoformat()) == f'{{"voucher_amount":{answer}}}'


def test_all_tied_amounts_are_answered_ascending(add: Add) -> None:
    add(contribution("Chile", {LOW: {0: 9, 30: 4, 7.5: 4, 200: 4, 5: 3}}))
    answer = ask(country_code="Chile", segment_name="frequent_segment", total_orders=1)
    assert answer == '{"voucher_amount":[7.5,30.0,200.0]}'


def test_the_fallback_is_the_countrys_most_used_amount_over_the_segment(add: Add) -> None:
    add(contribution("Chile", {LOW: {0: 9}, ("frequent_segment", 5, 13): {5: 3, 7: 1}}))
    few = {"country_code": "Chile", "segment_name": "frequent_segment", "total_orders": 1}
    assert ask(**few) == '{"voucher_amount":[]}'
    assert ask(**few, fallback="country") == '{"voucher_amount":[5.0]}'


def test_an_amount_no_longer_used_is_not_chosen(add: Add) -> None:
    cell = range_cell("Peru", "recency_segment", Range(180, 99999999))
    add({cell: {"2640": -49102}})
    assert ask() == '{"voucher_amount":[3520.0]}'


def test_a_country_without_remaining_counts_is_unknown(add: Add) -> None:
    add({cell: without(counters) for cell, counters in contribution("Peru", REFERENCE_COUNTS).items()})
    answer = call(rest_event(body=json.dumps(CUSTOMER)))
    assert answer.status == 404
    assert answer.message == 'there are no counts for "Peru"; nothing has been counted yet'


def test_the_error_of_an_unknown_country_lists_the_countries(add: Add) -> None:
    add(contribution("Chile", {LOW: {5: 1}}))
    for event in (
        rest_event(body=json.dumps(CUSTOMER | {"country_code": "Atlantis"})),
        rest_event(path="/v1/counts", query={"country": "Atlantis"}),
    ):
        answer = call(event)
        assert answer.status == 404
        assert answer.message == 'there are no counts for "Atlantis"; use one of: Chile, Peru'


def test_counts_are_the_reference_table_in_its_order() -> None:
    answer = call(rest_event(path="/v1/counts", query={"country": "pERU"})).json
    assert (answer["country"], answer["updated_at"]) == ("Peru", UPDATED_AT)
    assert [
        (row["segment_name"], row["min_range"], row["max_range"], row["voucher_amount"], row["count"])
        for row in answer["rows"]
    ] == [
        (*cell, amount, count)
        for cell, counts in REFERENCE_COUNTS.items()
        for amount, count in counts.items()
    ]


def test_counts_of_ranges_that_are_no_longer_defined_are_left_out(add: Add) -> None:
    add({Cell("peru", "recency_segment#1-2"): {"5": 1}, Cell("peru", "loyalty#0-4"): {"5": 1}})
    answer = call(rest_event(path="/v1/counts", query={"country": "Peru"})).json
    assert len(answer["rows"]) == 20


def select(*customers: dict[str, object], **fields: object) -> list[dict[str, Any]]:
    body = json.dumps({"customers": customers, **fields})
    answer = call(rest_event("POST", "/v1/selections", body=body))
    assert answer.status == 200
    selections: list[dict[str, Any]] = answer.json["selections"]
    return selections


def test_a_hundred_customers_cost_one_call_where_they_share_ranges(calls: list[str]) -> None:
    orders = [CUSTOMER | {"segment_name": "frequent_segment", "total_orders": n} for n in range(50)]
    selections = select(*[CUSTOMER] * 50, *orders)
    assert {selection["voucher_amount"][0] for selection in selections} == {2640.0}
    assert calls == ["BatchGetItem"]


def test_a_hundred_customers_of_a_hundred_countries_cost_two_calls(add: Add, calls: list[str]) -> None:
    for n in range(100):
        add(contribution(f"Land {n}", {LOW: {n + 1: 1}}))
    calls.clear()
    few = {"segment_name": "frequent_segment", "total_orders": 1}
    selections = select(*[{"country_code": f"LAND {n}", **few} for n in range(100)])
    assert [selection["voucher_amount"] for selection in selections] == [[n + 1.0] for n in range(100)]
    assert [selection["country"] for selection in selections] == [f"Land {n}" for n in range(100)]
    assert calls == ["BatchGetItem"] * 2


def test_the_fallback_of_many_costs_one_more_call(add: Add, calls: list[str]) -> None:
    add(contribution("Chile", {LOW: {0: 9}, ("frequent_segment", 5, 13): {5: 3, 7: 1}}))
    calls.clear()
    few = {"country_code": "Chile", "segment_name": "frequent_segment", "total_orders": 1}
    selections = select(*[few] * 10, fallback="country")
    assert [selection["voucher_amount"] for selection in selections] == [[5.0]] * 10
    assert (selections[0]["sample_size"], selections[0]["count"]) == (13, 3)
    assert calls == ["BatchGetItem"] * 2


def test_a_country_has_its_most_frequent_spelling(add: Add) -> None:
    add({spellings_cell("Peru"): {"PERU": 9, "peru": 8}})
    (selected,) = select(CUSTOMER)
    assert selected["country"] == "PERU"
    answer = call(rest_event(path="/v1/countries")).json
    assert [
        (counted["country"], counted["uses"], len(counted["spellings"])) for counted in answer["countries"]
    ] == [("PERU", 18, 3)]


def test_segments_of_all_countries_cost_one_scan_and_of_one_a_query(add: Add, calls: list[str]) -> None:
    add(contribution("Chile", {LOW: {0: 9, 5: 1}}))
    calls.clear()
    everywhere = call(rest_event(path="/v1/segments")).json["segments"][1]["ranges"][0]
    assert everywhere["sample_size"] == 10 + sum(REFERENCE_COUNTS["frequent_segment", 0, 4].values())
    chile = call(rest_event(path="/v1/segments", query={"country": "chile"})).json["segments"][1]["ranges"][0]
    assert (chile["sample_size"], chile["voucher_amount"]) == (10, [5.0])
    assert calls == ["Scan", "Query"]


def test_a_country_without_remaining_counts_is_not_listed(add: Add) -> None:
    add({cell: without(counters) for cell, counters in contribution("Peru", REFERENCE_COUNTS).items()})
    assert call(rest_event(path="/v1/countries")).json == {"countries": []}
    assert select(CUSTOMER)[0]["error"]["status"] == 404


def test_a_table_that_does_not_exist_is_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENTS_TABLE", "another")
    dependencies.segments_table.cache_clear()
    answer = call(rest_event(body=json.dumps(CUSTOMER)))
    assert answer.status == 500
    assert answer.message.startswith("the request failed on our side")


def test_a_throttled_table_is_a_503() -> None:
    client = dependencies.segments_table().client
    throttled = client.exceptions.ProvisionedThroughputExceededException(
        {"Error": {"Code": "ProvisionedThroughputExceededException"}}, "GetItem"
    )
    with mock.patch.object(client, "get_item", side_effect=throttled):
        assert call(rest_event(body=json.dumps(CUSTOMER))).status == 503


def test_an_unreachable_table_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    dependencies.segments_table.cache_clear()
    assert call(rest_event(body=json.dumps(CUSTOMER))).status == 503
