from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from api.http.errors import RequestError, UnknownCountryError
from api.http.fields import read
from api.routes import vouchers
from api.routes.vouchers import Customer, VoucherFields, parse_customer
from tests.support.api_gateway import CUSTOMER
from tests.support.fake_segments_table import CountedTable, contribution
from vouchers.counts import spellings_cell
from vouchers.segments import Attribute, Range, load_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.cached_table import CachedSegmentsTable
    from tests.support.fake_segments_table import Counts

pytestmark = pytest.mark.disable_socket

RECENCY, FREQUENCY = load_definitions().segments
NOW = datetime(2018, 8, 5, 12, tzinfo=UTC)
TIMESTAMP = "a date or a time such as 2018-05-03, 2018-05-03T14:30:00Z or 2018-05-03 14:30:00+02:00"
COUNTRY = "a country's name, such as Peru"
SEGMENT = "a segment's name, such as recency_segment"
NUMBER = "a number from 0 up, such as 15"
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


def parse(given: Mapping[str, object]) -> Customer:
    return parse_customer(read(given, VoucherFields), NOW)


def asked(**changes: object) -> Customer:
    return parse(CUSTOMER | changes)


def value(customer: Customer) -> float | None:
    return customer.values[customer.segment.attribute]


def refusal(**changes: object) -> str:
    given = {name: value for name, value in (CUSTOMER | changes).items() if value != "left out"}
    with pytest.raises(RequestError) as caught:
        parse(given)
    return str(caught.value)


def test_the_reference_request_is_94_days_in_peru() -> None:
    customer = asked()
    assert (customer.country, customer.segment, customer.fallback) == ("Peru", RECENCY, False)
    assert (value(customer), customer.range_) == (94, Range(91, 120))


def test_frequency_uses_the_number_of_orders() -> None:
    customer = asked(segment_name="frequent_segment")
    assert (customer.segment, value(customer)) == (FREQUENCY, 15.0)


@pytest.mark.parametrize(
    ("last_order", "days"),
    [
        (NOW, 0),
        (NOW - timedelta(days=1) + timedelta(microseconds=1), 0),
        (NOW - timedelta(days=1), 1),
        (NOW - timedelta(days=30) + timedelta(seconds=1), 29),
        (NOW - timedelta(days=30), 30),
    ],
)
def test_days_since_the_last_order_are_whole_days(last_order: datetime, days: int) -> None:
    assert value(asked(last_order_ts=last_order.isoformat())) == days


@pytest.mark.parametrize(("orders", "number"), [(0, 0), ("15", 15), ("15.0", 15), (4.5, 4.5), ("4.5", 4.5)])
def test_orders_are_numbers_or_numeric_strings(orders: object, number: float) -> None:
    assert value(asked(segment_name="frequent_segment", total_orders=orders)) == number


def test_a_country_is_trimmed() -> None:
    assert asked(country_code="  Peru\t").country == "Peru"


def test_only_the_segments_field_is_required() -> None:
    needed = {"country_code": "Peru", "segment_name": "recency_segment", "last_order_ts": "2018-05-03"}
    assert value(parse(needed)) == 94
    needed = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": "3"}
    assert value(parse(needed)) == 3


def test_unknown_fields_are_ignored_and_null_is_missing() -> None:
    assert asked(colour="red", __class__=[{}], customer_id=None) == asked()
    assert asked(first_order_ts=None).values[Attribute.DAYS_SINCE_FIRST_ORDER] is None


@pytest.mark.parametrize("customer", ["abc", "", "123", 123, 10**40])
def test_a_customer_id_is_a_string_or_a_whole_number(customer: object) -> None:
    assert asked(customer_id=customer) == asked()


@pytest.mark.parametrize("field", ["fallback", "total_orders"])
def test_a_lone_surrogate_in_a_known_field_is_refused(field: str) -> None:
    assert (
        refusal(**{field: "\ud800"}) == "a field contains a lone surrogate; give text that UTF-8 can encode"
    )
    assert asked(**{"\ud800": 1}) == asked()


def test_the_fallback_is_country_or_null() -> None:
    assert asked(fallback="country").fallback
    assert not asked(fallback=None).fallback


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("country_code", f"give {COUNTRY}"),
        ("segment_name", f"give {SEGMENT}"),
        ("last_order_ts", f"recency_segment requires it; give {TIMESTAMP}"),
    ],
)
@pytest.mark.parametrize("value", ["left out", None])
def test_a_missing_field_is_named(name: str, why: str, value: object) -> None:
    assert refusal(**{name: value}) == f"{name} is missing: {why}"


def test_frequency_requires_the_number_of_orders() -> None:
    message = f"total_orders is missing: frequent_segment requires it; give {NUMBER}"
    assert refusal(segment_name="frequent_segment", total_orders=None) == message


@pytest.mark.parametrize(
    ("name", "value", "expected", "shown"),
    [
        ("country_code", 3, COUNTRY, "3"),
        ("country_code", True, COUNTRY, "true"),
        ("country_code", ["Peru"], COUNTRY, "a list"),
        ("country_code", " ", COUNTRY, '" "'),
        ("country_code", "x" * 2049, COUNTRY, '"' + "x" * 59 + "…"),
        ("country_code", "\ud800", COUNTRY, '"?"'),
        ("segment_name", 1, SEGMENT, "1"),
        ("last_order_ts", "yesterday", TIMESTAMP, '"yesterday"'),
        ("last_order_ts", 1525305600, TIMESTAMP, "1525305600"),
        ("first_order_ts", "never", TIMESTAMP, '"never"'),
        ("first_order_ts", False, TIMESTAMP, "false"),
        ("total_orders", "many", NUMBER, '"many"'),
        ("total_orders", "", NUMBER, '""'),
        ("total_orders", True, NUMBER, "true"),
        ("total_orders", -1, NUMBER, "-1"),
        ("total_orders", "-0.5", NUMBER, '"-0.5"'),
        ("total_orders", float("nan"), NUMBER, "NaN"),
        ("total_orders", "NaN", NUMBER, '"NaN"'),
        ("total_orders", float("inf"), NUMBER, "Infinity"),
        ("total_orders", "inf", NUMBER, '"inf"'),
        ("total_orders", "1e999", NUMBER, '"1e999"'),
        ("total_orders", 10**400, NUMBER, "1" + "0" * 59 + "…"),
        ("total_orders", {}, NUMBER, "an object"),
        ("customer_id", 1.5, "a string or a whole number", "1.5"),
        ("customer_id", True, "a string or a whole number", "true"),
        ("fallback", "world", '"country", or left out', '"world"'),
    ],
)
def test_the_error_of_a_wrong_field_describes_valid_values(
    name: str, value: object, expected: str, shown: str
) -> None:
    assert refusal(**{name: value}) == f"{name} must be {expected}, not {shown}"


def test_a_last_order_in_the_future_is_refused_for_every_segment() -> None:
    message = "last_order_ts 2018-08-05T12:00:01Z is in the future; give the time of a past order"
    assert refusal(last_order_ts="2018-08-05T12:00:01Z") == message
    assert refusal(last_order_ts="2018-08-05T12:00:01Z", segment_name="frequent_segment") == message


@pytest.mark.parametrize("name", ["loyalty", "", "Recency_Segment"])
def test_the_error_of_an_unknown_segment_lists_the_segments(name: str) -> None:
    message = f'there is no segment "{name}"; use one of: recency_segment, frequent_segment'
    assert refusal(segment_name=name) == message
