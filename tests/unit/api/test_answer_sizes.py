"""Answers with as many amounts as a file may have, in each range, are below Lambda's limit of a response."""

from __future__ import annotations

import json
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest

from api.routes.selections import MAX_CUSTOMERS
from api.statistics import MAX_AMOUNTS
from ingest.counting import dimensions
from tests.support.api_gateway import call, rest_event
from vouchers.counts import NO_VOUCHER, amount_name, most_used, range_cell, spellings_cell
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from tests.support.api_gateway import Answer
    from tests.support.fake_segments_table import CountedTable

pytestmark = pytest.mark.disable_socket

MAX_RESPONSE = 6_000_000
"""Lambda's limit in bytes, rounded down: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

COUNTRY = "x" * dimensions.MAX_COUNTRY_BYTES
FIRST_AMOUNT = 1.2345678901234567e-300
AMOUNTS = list(
    islice(
        (
            amount
            for n in count()
            if len(repr(amount := FIRST_AMOUNT * (1 + n / 2**40))) == len(repr(FIRST_AMOUNT))
        ),
        dimensions.MAX_AMOUNTS,
    )
)
"""Amounts of 17 digits, ascending."""

USES = 10**12
RANGES = [(segment, range_) for segment in load_definitions().segments for range_ in segment.ranges]
LEFT_OUT = len(AMOUNTS) - MAX_AMOUNTS


@pytest.fixture(params=["different", "tied"])
def amounts(request: pytest.FixtureRequest, counted: CountedTable) -> dict[float, int]:
    """The counts of each range: higher amounts are used more often, or all equally often."""
    step = 1 if request.param == "different" else 0
    used = {NO_VOUCHER: 1} | {amount: USES + step * n for n, amount in enumerate(AMOUNTS)}
    cell = {amount_name(amount): uses for amount, uses in used.items()}
    counted.counts = {range_cell(COUNTRY, segment.name, range_): cell for segment, range_ in RANGES}
    counted.counts[spellings_cell(COUNTRY)] = {COUNTRY: 1}
    return used


def ask(path: str, accept: str = "*/*") -> Answer:
    return checked(call(rest_event(path=path, query={"country": COUNTRY}, Accept=accept)))


def checked(answer: Answer) -> Answer:
    """Check the size of an answer as Lambda sends it, which is a string in JSON."""
    assert answer.status == 200
    assert len(json.dumps({"headers": answer.headers, "body": answer.body}).encode()) < MAX_RESPONSE
    return answer


def most_used_first(amounts: dict[float, int]) -> list[float]:
    return sorted(amounts.keys() - {NO_VOUCHER}, key=lambda amount: (-amounts[amount], amount))


def test_counts_are_below_the_limit(amounts: dict[float, int]) -> None:
    answer = ask("/v1/counts").json
    expected = sorted([NO_VOUCHER, *most_used_first(amounts)[: MAX_AMOUNTS - 1]])
    assert answer["amounts_left_out"] == len(RANGES) * (LEFT_OUT + 1)
    assert [(row["min_range"], row["voucher_amount"], row["count"]) for row in answer["rows"]] == [
        (range_.min, amount, amounts[amount]) for _, range_ in RANGES for amount in expected
    ]
    lines = ask("/v1/counts", "text/csv").body.splitlines()[1:]
    assert [line.split(",")[-3:-1] for line in lines] == [
        [amount_name(row["voucher_amount"]), str(row["count"])] for row in answer["rows"]
    ]


def test_segments_are_below_the_limit_and_count_all_amounts(amounts: dict[float, int]) -> None:
    total = sum(amounts.values())
    for segment in ask("/v1/segments").json["segments"]:
        assert segment["sample_size"] == total * len(segment["ranges"])
        for range_ in segment["ranges"]:
            listed: list[dict[str, Any]] = range_["amounts"]
            assert [used["voucher_amount"] for used in listed] == most_used_first(amounts)[:MAX_AMOUNTS]
            assert listed[0]["share"] == round(amounts[listed[0]["voucher_amount"]] / total, 6)
            assert range_["voucher_amount"] == most_used(amounts)[:MAX_AMOUNTS]
            assert (range_["sample_size"], range_["amounts_left_out"]) == (total, LEFT_OUT)


def test_selections_are_below_the_limit(amounts: dict[float, int]) -> None:
    customer = {"country_code": COUNTRY, "segment_name": "frequent_segment", "total_orders": 1}
    body = json.dumps({"customers": [customer] * MAX_CUSTOMERS})
    (first, *_) = checked(call(rest_event("POST", "/v1/selections", body=body))).json["selections"]
    chosen = most_used(amounts)
    others = most_used_first(amounts)[len(chosen) :]
    assert first["voucher_amount"] == chosen[:MAX_AMOUNTS]
    assert first["amounts_left_out"] == max(0, len(chosen) - MAX_AMOUNTS)
    assert [used["voucher_amount"] for used in first["alternatives"]] == others[:20]
    assert first["alternatives_left_out"] == max(0, len(others) - 20)
