from __future__ import annotations

import io
import json
from typing import Any

import pytest

from api import dependencies
from api.cached_table import TTLCache
from api.http.middleware import logger
from api.statistics import wilson
from tests.support.api_gateway import CUSTOMER, REQUEST_ID, Answer, call, problem, rest_event
from tests.support.fake_segments_table import UPDATED_AT, CountedTable, contribution
from vouchers.counts import range_cell, spellings_cell
from vouchers.segments import Range, load_definitions

pytestmark = pytest.mark.disable_socket

REFERENCE = CUSTOMER | {"country_code": "peru"}
LOW, HIGH = ("frequent_segment", 0, 4), ("frequent_segment", 38, 99999999)


def ask(*customers: object, **fields: object) -> Answer:
    body = json.dumps({"customers": list(customers), **fields})
    return call(rest_event("POST", "/v1/selections", body=body))


def select(*customers: object, **fields: object) -> list[dict[str, Any]]:
    answer = ask(*customers, **fields)
    assert answer.status == 200, answer.body
    selections: list[dict[str, Any]] = answer.json["selections"]
    assert [selection["index"] for selection in selections] == list(range(len(customers)))
    return selections


def frequent(orders: float, **fields: object) -> dict[str, object]:
    return {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": orders, **fields}


def test_an_answer_has_its_reasons() -> None:
    answer = ask(REFERENCE, as_of="2018-11-24")
    assert answer.status == 200
    body = answer.json
    assert body.pop("read_at") > "2026"
    interval, other = wilson(49102, 106547), wilson(22037, 106547)
    last = wilson(21458, 106547)
    assert body == {
        "as_of": "2018-11-24T00:00:00.000000Z",
        "definitions": load_definitions().version,
        "confidence": 0.95,
        "selections": [
            {
                "outcome": "selected",
                "index": 0,
                "customer_id": 123,
                "voucher_amount": [2640.0],
                "amounts_left_out": 0,
                "reason": "most_used",
                "fallback": None,
                "fallback_reason": None,
                "guards": None,
                "country": "Peru",
                "currency": None,
                "segment_name": "recency_segment",
                "min_range": 180,
                "max_range": 99999999,
                "days_since_last_order": 205,
                "days_since_first_order": 570,
                "total_orders": 15.0,
                "count": 49102,
                "share": 0.460848,
                "verdict": "clear",
                "interval": {"low": interval.low, "high": interval.high},
                "sample_size": 106547,
                "without_voucher": 13950,
                "alternatives": [
                    {
                        "voucher_amount": 3520.0,
                        "count": 22037,
                        "share": 0.206829,
                        "interval": {"low": other.low, "high": other.high},
                    },
                    {
                        "voucher_amount": 4400.0,
                        "count": 21458,
                        "share": 0.201395,
                        "interval": {"low": last.low, "high": last.high},
                    },
                ],
                "alternatives_left_out": 0,
                "updated_at": UPDATED_AT,
            }
        ],
    }


def test_amounts_equal_those_of_voucher_amount() -> None:
    for orders in (0, 4, 4.5, 5, 13, 14, 38, 10**9):
        for fallback in ({}, {"fallback": "country"}):
            fields = frequent(orders, **fallback)
            (selected,) = select(fields)
            one = call(rest_event("POST", body=json.dumps(fields))).json
            assert selected["voucher_amount"] == one["voucher_amount"]


@pytest.mark.parametrize(("as_of", "days", "low"), [("2018-06-02", 30, 30), ("2018-08-01T23:59:59Z", 90, 61)])
def test_recency_is_measured_to_the_as_of_date(as_of: str, days: int, low: int) -> None:
    (selected,) = select(REFERENCE, as_of=as_of)
    assert (selected["days_since_last_order"], selected["min_range"]) == (days, low)
    assert selected["reason"] == "no_voucher_used"


@pytest.mark.parametrize("blank", [{}, {"as_of": None}, {"as_of": " \n"}])
def test_without_an_as_of_date_recency_is_measured_to_now(blank: dict[str, Any]) -> None:
    body = ask(REFERENCE, **blank).json
    assert body["as_of"][:4] >= "2026"
    assert body["selections"][0]["days_since_last_order"] > 3000


def test_an_order_after_the_as_of_date_fails_that_customer_only() -> None:
    failed, selected = select(REFERENCE, frequent(1), as_of="2018-05-01")
    assert problem(failed["error"], 409)["detail"] == (
        "last_order_ts 2018-05-03 00:00:00 is later than as_of 2018-05-01; give the time of a past order"
    )
    assert failed["error"]["field"] == "last_order_ts"
    assert selected["outcome"] == "selected"


def test_one_customers_error_does_not_fail_the_others() -> None:
    wrong: list[tuple[object, str, int]] = [
        ({}, "country_code is missing", 400),
        (REFERENCE | {"segment_name": "loyalty"}, 'there is no segment "loyalty"', 400),
        (REFERENCE | {"total_orders": -1}, "total_orders must be a number from 0 up", 400),
        (REFERENCE | {"last_order_ts": None}, "last_order_ts is missing: recency_segment requires it", 409),
        (REFERENCE | {"country_code": None}, "country_code is missing", 400),
        (REFERENCE | {"last_order_ts": "2018-02-30"}, "last_order_ts must be a date", 400),
        (REFERENCE | {"customer_id": "\ud800", "country_code": "\ud800"}, "country_code must be", 400),
        (REFERENCE | {"fallback": "null"}, 'fallback must be "country", or left out, not "null"', 400),
        (REFERENCE | {"total_orders": "null"}, "total_orders must be a number from 0 up", 400),
        (REFERENCE | {"fallback": "world"}, "fallback must be", 400),
        (
            REFERENCE | {"country_code": "Atlantis"},
            'there are no counts for "Atlantis"; use one of: Peru',
            404,
        ),
    ]
    selections = select(*[customer for customer, _, _ in wrong], REFERENCE)
    for failed, (_, message, status) in zip(selections, wrong, strict=False):
        assert failed["outcome"] == "failed"
        assert problem(failed["error"], status)["detail"].startswith(message)
    assert selections[-1]["voucher_amount"] == [2640.0]


@pytest.mark.parametrize(
    ("entry", "field", "message"),
    [
        (None, "customers", "customers[1] must be an object, not null"),
        ([REFERENCE], "customers", "customers[1] must be an object, not a list"),
        (REFERENCE | {"customer_id": [1]}, "customer_id", "customers[1]: customer_id must be a string"),
        (REFERENCE | {"customer_id": True}, "customer_id", "customers[1]: customer_id must be a string"),
        (REFERENCE | {"country_code": 3}, "country_code", "customers[1]: country_code must be a country"),
        (REFERENCE | {"last_order_ts": 1525305600}, "last_order_ts", "customers[1]: last_order_ts must be a"),
        (REFERENCE | {"total_orders": {}}, "total_orders", "customers[1]: total_orders must be a number"),
    ],
)
def test_a_field_of_a_wrong_type_fails_the_request(entry: object, field: str, message: str) -> None:
    answer = ask(REFERENCE, entry)
    assert answer.status == 400
    assert answer.problem["field"] == field
    assert answer.message.startswith(message)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("c-1", "c-1"), (7, 7), (10**40, 10**40), (None, None), ("\ud800", "?")],
)
def test_every_answer_repeats_the_customer_id(given: object, expected: object) -> None:
    right, wrong = select(frequent(1, customer_id=given), frequent(-1, customer_id=given))
    assert (right["customer_id"], wrong["customer_id"]) == (expected, expected)


def test_all_tied_amounts_are_answered_ascending(counted: CountedTable) -> None:
    counted.counts = contribution("Peru", {LOW: {20: 3, 3.5: 3, 50: 2, 0: 2}})
    (selected,) = select(frequent(1))
    assert (selected["voucher_amount"], selected["count"], selected["share"]) == ([3.5, 20.0], 3, 0.3)
    assert [alternative["voucher_amount"] for alternative in selected["alternatives"]] == [50.0]


def test_alternatives_are_twenty_at_most(counted: CountedTable) -> None:
    counted.counts = contribution("Peru", {LOW: {float(n): n for n in range(1, 31)}})
    (selected,) = select(frequent(1))
    assert selected["voucher_amount"] == [30.0]
    amounts = [alternative["voucher_amount"] for alternative in selected["alternatives"]]
    assert amounts == [*range(29, 9, -1)]
    assert selected["alternatives_left_out"] == 9


@pytest.mark.parametrize(
    ("orders", "reason", "low"),
    [(4.5, "no_range", None), (40, "no_voucher_used", 38), (5, "no_voucher_used", 5)],
)
@pytest.mark.parametrize("asks", ["customer", "request"])
def test_the_fallback_uses_the_whole_country_and_is_marked(
    counted: CountedTable, orders: float, reason: str, low: int | None, asks: str
) -> None:
    counted.counts = contribution(
        "Peru", {LOW: {0: 90, 5: 6}, HIGH: {0: 4}, ("recency_segment", 30, 60): {9: 50}}
    )
    (without,) = select(frequent(orders))
    assert (without["voucher_amount"], without["fallback"], without["reason"]) == ([], None, reason)
    assert (without["count"], without["share"], without["interval"]) == (None, None, None)
    (selected,) = (
        select(frequent(orders, fallback="country"))
        if asks == "customer"
        else select(frequent(orders), fallback="country")
    )
    assert (selected["voucher_amount"], selected["fallback"], selected["reason"]) == (
        [5.0],
        "country",
        reason,
    )
    assert (selected["min_range"], selected["sample_size"], selected["count"]) == (low, 100, 6)
    assert (selected["without_voucher"], selected["share"]) == (94, 0.06)


def test_a_customer_whose_range_has_an_answer_does_not_fall_back() -> None:
    (selected,) = select(REFERENCE, fallback="country")
    assert (selected["fallback"], selected["sample_size"]) == (None, 106547)


def test_counts_are_read_together_and_once(counted: CountedTable) -> None:
    customers = [frequent(n % 40, customer_id=n) for n in range(100)]
    assert len(select(*customers)) == 100
    assert counted.asked == ["look up"]
    counted.asked.clear()
    select(*customers, fallback="country")
    assert counted.asked == ["look up"]
    counted.asked.clear()
    select(*[frequent(4.5)] * 100, fallback="country")
    assert counted.asked == ["look up", "look up"]


def test_many_unknown_countries_cost_one_list_of_countries(counted: CountedTable) -> None:
    selections = select(*[frequent(1, country_code=f"Land {n}") for n in range(100)])
    assert {selection["error"]["status"] for selection in selections} == {404}
    assert counted.asked == ["look up", "countries"]


def test_cached_counts_are_not_read_again_and_have_an_age(
    monkeypatch: pytest.MonkeyPatch, counted: CountedTable
) -> None:
    cache = TTLCache(3600)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: cache)
    first = ask(REFERENCE, frequent(4.5, country_code="Atlantis")).json
    for key, (read_at, value) in cache.entries.items():
        cache.entries[key] = read_at - 1000, value
    counted.asked.clear()
    again = ask(REFERENCE, frequent(4.5, country_code="Atlantis"))
    assert counted.asked == []
    assert again.json["selections"] == first["selections"]
    assert int(again.headers["Age"]) >= 1000
    assert again.json["read_at"] < first["read_at"]
    call(rest_event(body=json.dumps(REFERENCE)))
    assert counted.asked == []
    select(frequent(1))
    assert counted.asked == ["look up"]


def test_unprocessed_keys_fail_only_the_customers_that_need_them(counted: CountedTable) -> None:
    low = range_cell("Peru", "frequent_segment", Range(0, 4))
    counted.unreadable = frozenset({low})
    failed, selected, lacking = select(frequent(1), frequent(5), frequent(4.5, fallback="country"))
    assert problem(failed["error"], 503)["detail"].endswith("try again shortly")
    assert selected["voucher_amount"] == [2640.0]
    assert lacking["error"]["status"] == 503


def test_unprocessed_keys_are_not_cached(monkeypatch: pytest.MonkeyPatch, counted: CountedTable) -> None:
    cache = TTLCache(3600)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: cache)
    counted.unreadable = frozenset(
        {range_cell("Peru", "frequent_segment", Range(0, 4)), spellings_cell("Peru")}
    )
    assert select(frequent(1))[0]["outcome"] == "failed"
    counted.unreadable = frozenset()
    assert select(frequent(1))[0]["voucher_amount"] == [2640.0]


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        ("", "the body is not JSON", None),
        ("[]", "the body must be a JSON object, not a list", None),
        ("{}", "customers is missing: give a list of 1 to 100 customers", "customers"),
        ('{"customers": {}}', "customers must be a list of 1 to 100 customers, not an object", "customers"),
        ('{"customers": []}', "customers has 0 entries; give 1 to 100", "customers"),
        (json.dumps({"customers": [{}] * 101}), "customers has 101 entries; give 1 to 100", "customers"),
        ('{"customers": [{}], "as_of": "soon"}', "as_of must be a date or a time", "as_of"),
        ('{"customers": [{}], "fallback": true}', 'fallback must be "country", or left out', "fallback"),
    ],
)
def test_a_request_with_a_wrong_field_of_its_own_is_refused(
    body: str, message: str, field: str | None
) -> None:
    answer = call(rest_event("POST", "/v1/selections", body=body))
    assert answer.status == 400
    assert answer.problem["detail"].startswith(message)
    assert answer.problem.get("field") == field


def test_a_body_is_read_up_to_256_kilobytes() -> None:
    body = json.dumps({"customers": [frequent(1)], "more": "x" * 200_000})
    assert call(rest_event("POST", "/v1/selections", body=body)).status == 200
    refused = call(rest_event("POST", "/v1/selections", body=body + " " * 100_000))
    assert refused.status == 413
    assert refused.problem["detail"].endswith("give at most 262144")


def test_the_number_of_customers_is_logged_and_not_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    ask(REFERENCE | {"customer_id": "c-4711"}, REFERENCE | {"customer_id": "c-4711", "total_orders": -1})
    logged = json.loads(written.getvalue())
    assert (logged["customers"], logged["route"], logged["request_id"]) == (2, "/v1/selections", REQUEST_ID)
    assert "4711" not in written.getvalue()


def test_selections_are_not_cacheable() -> None:
    answer = ask(REFERENCE)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"] == REQUEST_ID
