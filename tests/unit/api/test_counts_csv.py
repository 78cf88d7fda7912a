from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.csv_file import csv_response
from api.http.responses import prefers
from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import REFERENCE_COUNTS, CountedTable, contribution

if TYPE_CHECKING:
    from tests.support.api_gateway import Answer

pytestmark = pytest.mark.disable_socket


def ask(country: str = "Peru", accept: str = "text/csv", **query: str) -> Answer:
    return call(rest_event(path="/v1/counts", query={"country": country, **query}, Accept=accept))


def rows(answer: Answer) -> list[list[str]]:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    return rows_of(answer.body)


def rows_of(body: str | None) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body or "", newline="")))


def test_counts_are_csv_if_the_client_accepts_csv() -> None:
    head, *found = rows(ask())
    assert head == [
        "country",
        "segment_name",
        "min_range",
        "max_range",
        "voucher_amount",
        "count",
        "currency",
    ]
    assert found == [
        ["Peru", *map(str, cell), str(amount), str(count), ""]
        for cell, counts in REFERENCE_COUNTS.items()
        for amount, count in counts.items()
    ]


def test_csv_follows_rfc_4180(
    counted: CountedTable,
) -> None:
    counted.counts = contribution('Côte "d\'Ivoire", the', {("frequent_segment", 0, 4): {0: 2, 12.5: 1}})
    answer = ask('côte "d\'ivoire", the')
    assert answer.body == (
        "country,segment_name,min_range,max_range,voucher_amount,count,currency\r\n"
        '"Côte ""d\'Ivoire"", the",frequent_segment,0,4,0,2,\r\n'
        '"Côte ""d\'Ivoire"", the",frequent_segment,0,4,12.5,1,\r\n'
    )
    encoded = "counts-C%C3%B4te%20%22d%27Ivoire%22%2C%20the.csv"
    disposition = f"attachment; filename=\"counts.csv\"; filename*=UTF-8''{encoded}"
    assert answer.headers["Content-Disposition"] == disposition


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_a_spreadsheet_evaluates_no_name(name: str) -> None:
    answer = csv_response("counts", ("country", "count"), [{"country": name, "count": -1}])
    assert rows_of(answer.body) == [["country", "count"], [f"'{name}", "-1"]]


def test_csv_may_be_limited_to_one_segment() -> None:
    assert [row[5] for row in rows(ask(segment="recency_segment"))[1:]] == [
        "13950",
        "49102",
        "22037",
        "21458",
    ]


def test_a_link_can_ask_for_csv() -> None:
    assert ask(accept="*/*", format="csv").body == ask().body
    assert ask(accept="text/csv", format="json").json["country"] == "Peru"
    assert ask(format="xml").problem["detail"] == 'format must be csv or json, not "xml"'


def test_json_and_csv_have_different_etags() -> None:
    table, usual = ask(), ask(accept="*/*")
    assert table.headers["Vary"] == usual.headers["Vary"] == "Accept"
    assert table.headers["ETag"] != usual.headers["ETag"]
    event = rest_event(
        path="/v1/counts", query={"country": "Peru"}, Accept="text/csv", If_None_Match=table.headers["ETag"]
    )
    assert call(event).status == 304


def test_errors_are_problem_details_even_if_csv_is_accepted() -> None:
    assert ask("Atlantis").problem["status"] == 404


@pytest.mark.parametrize(
    ("accept", "table"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/csv", True),
        ("TEXT/CSV; header=present", True),
        ("text/*", True),
        ("text/csv, */*;q=0.1", True),
        ("text/csv;q=0.9, application/json;q=0.8", True),
        ("text/csv;q=0.8, application/json", False),
        ("text/csv, application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0, */*", False),
        ("text/*, application/json;q=0.5", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/xml", False),
        ("text/csv;q=much", False),
        ("text/csv;q=7, application/json;q=1", False),
    ],
)
def test_csv_is_answered_if_the_client_prefers_it(accept: str, table: bool) -> None:
    answer = ask(accept=accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/csv" if table else "application/json")


@given(st.text(st.characters(exclude_categories=())))
def test_no_accept_header_fails(accept: str) -> None:
    prefers(accept, "text/csv", "application/json")
