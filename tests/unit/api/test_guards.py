"""Guards: every route chooses by the settings of the country, and says why there is no choice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.routes import choices, segments, selections, vouchers
from tests.support import oracle
from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import CountedTable, contribution
from tests.support.strategies import AMOUNTS, GUARDS
from vouchers.segments import CountrySettings, load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    Guard = Callable[[CountrySettings], None]

pytestmark = pytest.mark.disable_socket

RANGES = {0: 4, 5: 13, 14: 37, 38: 99999999}
USES = st.fixed_dictionaries({low: st.dictionaries(AMOUNTS, st.integers(1, 12)) for low in RANGES})
GUARDED = CountrySettings(minimum_uses=5, amounts=frozenset({2.0, 3.0}))


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """Set the settings of Peru."""

    def guard(settings_: CountrySettings) -> None:
        definitions = replace(load_definitions(), countries=(("peru", settings_),))
        for route in (choices, segments, selections, vouchers):
            monkeypatch.setattr(route, "load_definitions", lambda: definitions)

    return guard


def frequent(orders: float, **fields: object) -> dict[str, object]:
    return {"country_code": "PERU", "segment_name": "frequent_segment", "total_orders": orders, **fields}


def select(*customers: object) -> list[dict[str, Any]]:
    answer = call(rest_event("POST", "/v1/selections", body=json.dumps({"customers": customers})))
    selections: list[dict[str, Any]] = answer.json["selections"]
    return selections


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USES, GUARDS)
def test_all_routes_obey_the_guards_of_a_country(
    counted: CountedTable, guard: Guard, uses: dict[int, dict[float, int]], guards: CountrySettings
) -> None:
    guard(guards)
    cells = {("frequent_segment", low, RANGES[low]): amounts for low, amounts in uses.items() if amounts}
    counted.counts = contribution("Peru", cells)
    single = {low: [a for a, n in amounts.items() for _ in range(n)] for low, amounts in uses.items()}
    expected = {low: oracle.choose(amounts, guards) for low, amounts in single.items()}
    everywhere = oracle.choose([amount for amounts in single.values() for amount in amounts], guards)

    (_, segment) = call(rest_event(path="/v1/segments", query={"country": "Peru"})).json["segments"]
    assert {r["min_range"]: (r["voucher_amount"], r["reason"]) for r in segment["ranges"]} == expected
    (country,) = call(rest_event(path="/v1/choices")).json["countries"]
    listed = [c for c in country["choices"] if c["segment_name"] == "frequent_segment"]
    assert {c["min_range"]: (c["voucher_amount"], c["reason"]) for c in listed} == expected
    for found in (*segment["ranges"], *listed):
        assert (found["verdict"] is None) == (not found["voucher_amount"])
        assert found["sample_size"] == len(single[found["min_range"]])

    for low, (amounts, reason) in expected.items():
        found, fallback = select(frequent(low), frequent(low, fallback="country"))
        assert (found["voucher_amount"], found["reason"], found["fallback_reason"]) == (amounts, reason, None)
        assert (found["voucher_amount"] == []) == (found["count"] is None)
        shown = [*found["voucher_amount"], *(used["voucher_amount"] for used in found["alternatives"])]
        assert sorted(shown) == sorted(set(single[low]) - {0.0})
        then = (amounts, None) if amounts else everywhere
        assert (fallback["voucher_amount"], fallback["fallback_reason"]) == then
        assert fallback["reason"] == reason
        for fields, amounts_ in ((frequent(low), amounts), (frequent(low, fallback="country"), then[0])):
            assert call(rest_event("POST", body=json.dumps(fields))).json == {"voucher_amount": amounts_}
    no_range, fallback = select(frequent(4.5), frequent(4.5, fallback="country"))
    assert (no_range["voucher_amount"], no_range["reason"]) == ([], "no_range")
    assert (fallback["voucher_amount"], fallback["fallback_reason"]) == everywhere


def test_answers_name_the_guards_of_the_country(counted: CountedTable, guard: Guard) -> None:
    counted.counts |= contribution("Chile", {})
    named = {"minimum_uses": 5, "amounts": [2.0, 3.0], "min_amount": None, "max_amount": None}
    bounds = {"minimum_uses": 1, "amounts": None, "min_amount": 2.0, "max_amount": 9.5}
    for settings_, guards in (
        (GUARDED, named),
        (CountrySettings(min_amount=2.0, max_amount=9.5), bounds),
        (CountrySettings(currency="PEN"), None),
    ):
        guard(settings_)
        chile, peru = call(rest_event(path="/v1/choices")).json["countries"]
        assert (chile["guards"], peru["guards"]) == (None, guards)
        assert call(rest_event(path="/v1/segments", query={"country": "peru"})).json["guards"] == guards
        assert call(rest_event(path="/v1/segments")).json["guards"] is None
        (selected,) = select(frequent(1))
        assert selected["guards"] == guards


def test_amounts_that_may_not_be_chosen_are_counted_and_shown(counted: CountedTable, guard: Guard) -> None:
    counted.counts = contribution("Peru", {("frequent_segment", 0, 4): {0: 4, 1: 40, 2: 36, 3: 20}})
    guard(GUARDED)
    (selected,) = select(frequent(1))
    assert (selected["voucher_amount"], selected["count"], selected["share"]) == ([2.0], 36, 0.36)
    assert selected["verdict"] == "clear"
    shown = [(used["voucher_amount"], used["count"]) for used in selected["alternatives"]]
    assert shown == [(1, 40), (3, 20)]
    assert [used.get("allowed") for used in selected["alternatives"]] == [False, None]
    (_, segment) = call(rest_event(path="/v1/segments", query={"country": "Peru"})).json["segments"]
    listed = {used["voucher_amount"]: used.get("allowed") for used in segment["ranges"][0]["amounts"]}
    assert listed == {1: False, 2: None, 3: None}
    rows = call(rest_event(path="/v1/counts", query={"country": "Peru"})).json["rows"]
    assert [row["count"] for row in rows] == [4, 40, 36, 20]
