from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from api.http.errors import UnknownCountryError
from api.routes import vouchers
from api.routes.vouchers import Customer
from tests.support.fake_segments_table import CountedTable, contribution
from vouchers.counts import spellings_cell
from vouchers.segments import Attribute, load_definitions

if TYPE_CHECKING:
    from api.cached_table import CachedSegmentsTable
    from tests.support.fake_segments_table import Counts

pytestmark = pytest.mark.disable_socket

FREQUENCY = load_definitions().segment("frequent_segment")
LOW, HIGH = ("frequent_segment", 0, 4), ("frequent_segment", 38, 99999999)


def table(counts: Counts, country: str = "Peru") -> CountedTable:
    return CountedTable(contribution(country, counts))


def voucher_amounts(counted: CountedTable, customer: Customer) -> list[float]:
    return vouchers.choose_amounts(cast("CachedSegmentsTable", counted), customer)


def request(orders: float, *, country: str = "Peru", fallback: bool = False) -> Customer:
    values = {Attribute.TOTAL_ORDERS: orders}
    return Customer(country, FREQUENCY, values, FREQUENCY.range_of(orders), fallback=fallback)


@pytest.mark.parametrize(
    ("orders", "amounts"),
    [(0, [5.0]), (4, [5.0]), (38, [7.0]), (99999999, [7.0]), (100000000, []), (4.5, [])],
)
def test_the_customers_range_decides(orders: float, amounts: list[float]) -> None:
    counted = table({LOW: {5: 3, 7: 2}, HIGH: {5: 2, 7: 3}})
    assert voucher_amounts(counted, request(orders)) == amounts


def test_all_tied_amounts_are_answered_ascending() -> None:
    assert voucher_amounts(table({LOW: {20: 3, 3.5: 3, 100: 3, 50: 2}}), request(1)) == [3.5, 20.0, 100.0]


def test_no_voucher_is_never_the_answer() -> None:
    assert voucher_amounts(table({LOW: {0: 100, 7: 1}}), request(1)) == [7.0]
    assert voucher_amounts(table({LOW: {0: 100}}), request(1)) == []


def test_a_country_is_matched_case_insensitively() -> None:
    counted = table({LOW: {7: 1}}, country="Perú")
    assert voucher_amounts(counted, request(1, country="PERÚ")) == [7.0]


def test_an_answer_costs_one_read_of_one_cell() -> None:
    counted = table({LOW: {7: 1}})
    voucher_amounts(counted, request(1, fallback=True))
    assert counted.asked == ["cell"]


def test_a_range_without_vouchers_costs_one_read_too() -> None:
    counted = table({LOW: {0: 1}})
    assert voucher_amounts(counted, request(1)) == []
    assert counted.asked == ["cell"]


@pytest.mark.parametrize("orders", [1, 4.5])
def test_the_error_of_an_unknown_country_lists_countries(orders: float) -> None:
    counted = table({LOW: {7: 1}})
    with pytest.raises(UnknownCountryError) as caught:
        voucher_amounts(counted, request(orders, country="Atlantis"))
    assert str(caught.value) == 'there are no counts for "Atlantis"; use one of: Peru'


def test_a_country_without_remaining_counts_is_refused() -> None:
    counted = table({LOW: {7: 0}})
    del counted.counts[spellings_cell("Peru")]
    with pytest.raises(
        UnknownCountryError, match=r'^there are no counts for "Peru"; nothing has been counted yet$'
    ):
        voucher_amounts(counted, request(1))


def test_an_empty_range_of_a_known_country_has_no_answer() -> None:
    assert voucher_amounts(table({LOW: {7: 1}}), request(40)) == []


@pytest.mark.parametrize("orders", [40, 4.5, 5])
def test_the_fallback_is_the_countrys_most_used_amount_over_the_segment(orders: float) -> None:
    counts = {
        LOW: {0: 90, 5: 4, 7: 3},
        ("frequent_segment", 14, 37): {7: 3},
        ("frequent_segment", 5, 13): {0: 5},
        ("recency_segment", 30, 60): {5: 50},
        ("frequent_segment", 1, 2): {5: 50},
    }
    assert voucher_amounts(table(counts), request(orders, fallback=True)) == [7.0]


def test_the_fallback_has_no_answer_where_the_segment_has_none() -> None:
    counted = table({("recency_segment", 30, 60): {5: 50}, LOW: {0: 3}})
    assert voucher_amounts(counted, request(1, fallback=True)) == []


def test_a_message_lists_twenty_countries_at_most() -> None:
    counted = CountedTable({})
    for number in range(30):
        counted.counts |= contribution(f"Land {number:02}", {LOW: {7: 1}})
    with pytest.raises(UnknownCountryError) as caught:
        voucher_amounts(counted, request(1))
    assert str(caught.value).endswith("Land 18, Land 19 and 10 more")
