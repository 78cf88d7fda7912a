from __future__ import annotations

from typing import Any

import pytest

from api import dependencies
from api.cached_table import TTLCache
from api.statistics import wilson
from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import REFERENCE_COUNTS, UPDATED_AT, CountedTable, contribution
from vouchers.counts import Cell, spellings_cell
from vouchers.segments import load_definitions

pytestmark = pytest.mark.disable_socket

CHILE = {("recency_segment", 30, 60): {0: 3, 5: 1}, ("frequent_segment", 0, 4): {5: 4, 0: 2}}


@pytest.fixture(autouse=True)
def counted(counted: CountedTable) -> CountedTable:
    counted.counts = {**contribution("Peru", REFERENCE_COUNTS), **contribution("Chile", CHILE)}
    counted.counts[spellings_cell("Peru")] = {"Peru": 106547, "PERU": 3}
    counted.counts[spellings_cell("Chile")] = {"Chile": 7}
    return counted


def ask(path: str, **query: str) -> dict[str, Any]:
    answer = call(rest_event(path=path, query=query or None))
    assert answer.status == 200, answer.body
    return answer.json


def segments(**query: str) -> dict[str, dict[str, Any]]:
    return {segment["segment_name"]: segment for segment in ask("/v1/segments", **query)["segments"]}


def test_countries_are_listed_by_name_with_their_sizes() -> None:
    assert ask("/v1/countries") == {
        "countries": [
            {"country": "Chile", "uses": 7, "spellings": {"Chile": 7}, "updated_at": UPDATED_AT},
            {
                "country": "Peru",
                "uses": 106550,
                "spellings": {"Peru": 106547, "PERU": 3},
                "updated_at": UPDATED_AT,
            },
        ]
    }


def test_all_defined_segments_are_listed() -> None:
    answer = ask("/v1/segments")
    definitions = load_definitions()
    assert answer["definitions"] == definitions.version
    assert [
        (
            segment["segment_name"],
            segment["attribute"],
            [(range_["min_range"], range_["max_range"]) for range_ in segment["ranges"]],
        )
        for segment in answer["segments"]
    ] == [
        (segment.name, segment.attribute, [(range_.min, range_.max) for range_ in segment.ranges])
        for segment in definitions.segments
    ]


def test_without_a_country_sizes_are_totals_and_amounts_are_left_out() -> None:
    answer = ask("/v1/segments")
    assert (answer["country"], answer["uses"], answer["updated_at"]) == (None, 106557, UPDATED_AT)
    recency = segments()["recency_segment"]
    assert (recency["sample_size"], recency["unsegmented"]) == (106551, 6)
    first, *_, last = recency["ranges"]
    assert first == {
        "min_range": 30,
        "max_range": 60,
        "sample_size": 4,
        "share": 0.000038,
        "without_voucher": 3,
        "updated_at": UPDATED_AT,
    }
    assert (last["sample_size"], last["without_voucher"]) == (106547, 13950)


def test_for_one_country_each_range_has_its_amounts(counted: CountedTable) -> None:
    answer = ask("/v1/segments", country=" CHILE ")
    assert counted.asked == ["country"]
    assert (answer["country"], answer["uses"]) == ("Chile", 7)
    frequency = segments(country="Chile")["frequent_segment"]
    interval = wilson(4, 6)
    assert (frequency["sample_size"], frequency["unsegmented"]) == (6, 1)
    assert frequency["ranges"][0] == {
        "min_range": 0,
        "max_range": 4,
        "sample_size": 6,
        "share": 1.0,
        "without_voucher": 2,
        "voucher_amount": [5.0],
        "reason": "most_used",
        "amounts": [
            {
                "voucher_amount": 5.0,
                "count": 4,
                "share": 0.666667,
                "interval": {"low": interval.low, "high": interval.high},
            }
        ],
        "amounts_left_out": 0,
        "verdict": "too_few_uses",
        "updated_at": UPDATED_AT,
    }
    assert frequency["ranges"][1] == {
        "min_range": 5,
        "max_range": 13,
        "sample_size": 0,
        "share": 0.0,
        "without_voucher": 0,
        "voucher_amount": [],
        "reason": "no_voucher_used",
        "amounts": [],
        "amounts_left_out": 0,
        "verdict": None,
        "updated_at": None,
    }


def test_the_amounts_of_a_range_are_those_that_its_customers_get() -> None:
    for range_ in segments(country="Peru")["frequent_segment"]["ranges"]:
        query = {"country_code": "Peru", "segment_name": "frequent_segment"}
        answer = call(rest_event(query=query | {"total_orders": str(range_["min_range"])}))
        assert answer.json["voucher_amount"] == range_["voucher_amount"] == [2640.0]


def test_ranges_that_are_no_longer_defined_are_left_out(counted: CountedTable) -> None:
    before = ask("/v1/segments", country="Chile")
    counted.counts[Cell("chile", "recency_segment#1-2")] = {"5": 1}
    counted.counts[Cell("chile", "loyalty#0-4")] = {"5": 1}
    assert ask("/v1/segments", country="Chile") == before


def test_without_counts_there_are_no_countries_and_empty_segments(counted: CountedTable) -> None:
    counted.counts.clear()
    assert ask("/v1/countries") == {"countries": []}
    answer = ask("/v1/segments")
    assert (answer["uses"], answer["updated_at"]) == (0, None)
    assert {range_["share"] for segment in answer["segments"] for range_ in segment["ranges"]} == {None}


def test_an_unknown_country_is_a_404() -> None:
    answer = call(rest_event(path="/v1/segments", query={"country": "Atlantis"}))
    assert answer.status == 404
    assert answer.problem["detail"] == 'there are no counts for "Atlantis"; use one of: Chile, Peru'


def test_scans_are_cached(monkeypatch: pytest.MonkeyPatch, counted: CountedTable) -> None:
    cache = TTLCache(3600)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: cache)
    for path in ("/v1/countries", "/v1/segments", "/v1/countries"):
        ask(path)
    assert counted.asked == ["every country"]
    assert call(rest_event(path="/v1/segments")).headers["Age"] == "0"
