from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import REFERENCE_COUNTS, UPDATED_AT, CountedTable, contribution
from vouchers.counts import spellings_cell
from vouchers.segments import load_definitions

pytestmark = pytest.mark.disable_socket

TIED: dict[tuple[str, int, int], dict[float, int]] = {
    ("frequent_segment", 0, 4): {0: 2, **dict.fromkeys(map(float, range(1, 8)), 9)},
    ("frequent_segment", 5, 13): {0: 3},
    ("frequent_segment", 14, 37): {12.5: 31, 20: 30},
}


@pytest.fixture(autouse=True)
def counted(counted: CountedTable) -> CountedTable:
    counted.counts = {**contribution("Peru", REFERENCE_COUNTS), **contribution("=Chile", TIED)}
    counted.counts[spellings_cell("Peru")] = {"Peru": 106547}
    return counted


def choices() -> dict[str, dict[str, Any]]:
    answer = call(rest_event(path="/v1/choices")).json
    return {country["country"]: country for country in answer["countries"]}


def test_choices_agree_with_the_segments_of_each_country(counted: CountedTable) -> None:
    listed = choices()
    assert counted.asked == ["every country"]
    assert len(listed) == 2
    for name, country in listed.items():
        answer = call(rest_event(path="/v1/segments", query={"country": name})).json
        assert (country["uses"], country["updated_at"]) == (answer["uses"], UPDATED_AT)
        ranges = [(segment, range_) for segment in answer["segments"] for range_ in segment["ranges"]]
        for found, (segment, range_) in zip(country["choices"], ranges, strict=True):
            first = (range_["amounts"] or [{"count": None, "share": None}])[0]
            assert found == {
                "segment_name": segment["segment_name"],
                "min_range": range_["min_range"],
                "max_range": range_["max_range"],
                "voucher_amount": range_["voucher_amount"][:5],
                "amounts_left_out": max(0, len(range_["voucher_amount"]) - 5),
                "reason": range_["reason"],
                "count": first["count"],
                "share": first["share"],
                "sample_size": range_["sample_size"],
                "verdict": range_["verdict"],
            }


def test_verdicts_and_ties_of_a_range() -> None:
    found = {choice["min_range"]: choice for choice in choices()["=Chile"]["choices"][-4:]}
    assert [found[low]["verdict"] for low in (0, 5, 14, 38)] == ["too_few_uses", None, "close", None]
    assert (found[0]["voucher_amount"], found[0]["amounts_left_out"]) == ([1, 2, 3, 4, 5], 2)
    assert {choice["verdict"] for choice in choices()["Peru"]["choices"][-5:]} == {"clear"}


def test_the_ranges_of_the_definitions_are_listed() -> None:
    answer = call(rest_event(path="/v1/choices")).json
    assert answer["definitions"] == load_definitions().version
    assert [
        (
            segment["segment_name"],
            segment["attribute"],
            [tuple(range_.values()) for range_ in segment["ranges"]],
        )
        for segment in answer["segments"]
    ] == [
        (segment.name, segment.attribute, [(range_.min, range_.max) for range_ in segment.ranges])
        for segment in load_definitions().segments
    ]


def test_csv_has_a_line_per_chosen_amount() -> None:
    answer = call(rest_event(path="/v1/choices", query={"format": "csv"}))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="choices.csv"')
    head, *rows = csv.reader(io.StringIO(answer.body, newline=""))
    assert head[:5] == ["country", "segment_name", "min_range", "max_range", "voucher_amount"]
    assert head[5:] == ["count", "share", "sample_size", "verdict", "currency"]
    assert [row for row in rows if row[0] == "'=Chile"] == [
        *(
            ["'=Chile", "frequent_segment", "0", "4", str(amount), "9", "0.138462", "65", "too_few_uses", ""]
            for amount in range(1, 6)
        ),
        ["'=Chile", "frequent_segment", "14", "37", "12.5", "31", "0.508197", "61", "close", ""],
    ]
    assert len(rows) == 6 + len(REFERENCE_COUNTS)
    assert call(rest_event(path="/v1/choices", Accept="text/csv")).body == answer.body
