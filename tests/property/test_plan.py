"""A plan predicts the answers of a stack with the edited definitions after a replay."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import dependencies
from api.cached_table import TTLCache
from api.routes import choices
from ingest.counting.as_of import microseconds
from ingest.counting.count_file import count_file
from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import CountedTable
from tests.support.stack_harness import parquet
from tests.support.strategies import AS_OF, GUARDS, INSTANTS, table_of
from voucher_selector.operations.plan import EditedCounts, Fresh, find_changes
from vouchers.counts import NO_SETTINGS
from vouchers.segments import Attribute, Definitions, Range, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vouchers.counts import Contribution

DAYS, TENURE, ORDERS = (
    Attribute.DAYS_SINCE_LAST_ORDER,
    Attribute.DAYS_SINCE_FIRST_ORDER,
    Attribute.TOTAL_ORDERS,
)
NO_TIME = st.none()
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["Peru", " PERU", "Chile"]),
        INSTANTS | NO_TIME,
        st.sampled_from(["2020-05-31", "2020-04-01", "2019-01-01", "x", None]),
        NO_TIME,
        st.sampled_from([0.0, 2.0, 4.0, 5.0, 8.0, 20.0, 50.0] * 3 + [4.5]),
        st.sampled_from([None, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0]),
    ),
    min_size=1,
    max_size=60,
)
KINDS = (pa.string(), pa.timestamp("us"), pa.string(), pa.timestamp("us"), pa.float64(), pa.float64())
BOUNDS = {DAYS: [0, 30, 61, 91, 181, 10_000], TENURE: [0, 30, 200, 10_000], ORDERS: [0, 1, 5, 9, 40, 100]}


def ranges(attribute: Attribute) -> st.SearchStrategy[tuple[Range, ...]]:
    """Contiguous ranges, of which some are left out; two draws often have bounds in common."""
    cuts = st.lists(st.sampled_from(BOUNDS[attribute]), min_size=2, unique=True).map(sorted)
    whole = cuts.map(lambda ends: [Range(low, high - 1) for low, high in pairwise(ends)])
    most = whole.flatmap(lambda all_: st.sets(st.sampled_from(all_), min_size=max(1, len(all_) - 1)))
    return most.map(lambda kept: tuple(sorted(kept)))


def segment(attribute: Attribute) -> st.SearchStrategy[Segment]:
    own = st.just(()) | st.tuples(st.tuples(st.just("peru"), ranges(attribute)))
    return st.builds(Segment, st.just(str(attribute)), st.just(attribute), ranges(attribute), own)


SEGMENTS = st.sets(st.sampled_from([DAYS, TENURE, ORDERS]), min_size=1).flatmap(
    lambda attributes: st.tuples(*map(segment, sorted(attributes)))
)
SETTINGS = st.just(NO_SETTINGS) | GUARDS.map(
    lambda guards: replace(guards, minimum_uses=min(5, guards.minimum_uses))
)
DEFINITIONS = st.builds(
    Definitions, SEGMENTS, SETTINGS, st.just(()) | st.tuples(st.tuples(st.just("peru"), SETTINGS))
)


def count(rows: Sequence[Any], definitions: Definitions) -> Contribution:
    table = table_of(len(rows), *zip(KINDS, map(list, zip(*rows, strict=True)), strict=True))
    return count_file(io.BytesIO(parquet(table)), microseconds(AS_OF), definitions).contribution


def answers(counts: Contribution, definitions: Definitions) -> dict[str, Any]:
    """Return the answer of the API's route of choices."""
    table = CountedTable(counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "load_definitions", lambda: definitions)
        patch.setattr(dependencies, "segments_table", lambda: table)
        patch.setattr(dependencies, "answer_cache", lambda: TTLCache(0))
        return call(rest_event(path="/v1/choices")).json


def by_range(answer: dict[str, Any]) -> dict[Any, Any]:
    return {
        (country["country"].strip().casefold(), c["segment_name"], c["min_range"], c["max_range"]): (
            c["voucher_amount"],
            c["amounts_left_out"],
        )
        for country in answer["countries"]
        for c in country["choices"]
    }


@settings(max_examples=300)
@given(ROWS, DEFINITIONS, DEFINITIONS)
def test_a_plan_gives_the_answers_after_a_replay(
    rows: Sequence[Any], old: Definitions, new: Definitions
) -> None:
    counts, recounted = count(rows, old), count(rows, new)
    deployed, replayed = answers(counts, old), answers(recounted, new)

    found = find_changes(deployed, new, EditedCounts(counts, lambda: Fresh(recounted, 1)))

    planned = by_range(deployed)
    for change in found["changes"]:
        key = (
            change["country"].strip().casefold(),
            *(change[n] for n in ("segment_name", "min_range", "max_range")),
        )
        assert (key in planned) == (change["now"] is not None)
        before = planned.pop(key, None)
        if change["now"]:
            assert before == (change["now"]["voucher_amount"], change["now"]["amounts_left_out"])
        if change["then"]:
            planned[key] = change["then"]["voucher_amount"], change["then"]["amounts_left_out"]
            assert planned[key] != before
    expected = by_range(replayed)
    # A country whose rows are all rejected by the new definitions is no longer answered for.
    assert {key: answer for key, answer in planned.items() if key in expected} == expected
    assert all(planned[key] == ([], 0) for key in planned.keys() - expected.keys())
    assert len(planned) + sum(c["then"] is None for c in found["changes"]) == found["unchanged"] + len(
        found["changes"]
    )


GAPLESS = ((DAYS, (Range(0, 29), Range(30, 99))), (ORDERS, (Range(0, 4), Range(5, 9))))


def defined(*parts: tuple[Attribute, tuple[Range, ...]], **guards: Any) -> Definitions:
    segments = tuple(Segment(str(attribute), attribute, ranges) for attribute, ranges in parts)
    return Definitions(segments, replace(NO_SETTINGS, **guards))


def use(
    orders: float = 2.0, amount: float = 1.0, first_order: str | None = None, day: int = 20
) -> tuple[Any, ...]:
    return ("Peru", AS_OF.replace(tzinfo=None, month=5, day=day), first_order, None, orders, amount)


def plan(rows: Sequence[Any], old: Definitions, new: Definitions) -> tuple[list[dict[str, Any]], bool]:
    """Return the changes, and whether objects were counted."""
    counts = count(rows, old)
    edited = EditedCounts(counts, lambda: Fresh(count(rows, new), 1))
    return find_changes(answers(counts, old), new, edited)["changes"], edited.fresh is not None


@pytest.mark.parametrize(
    ("new", "counted"),
    [
        (defined(*GAPLESS, minimum_uses=5, max_amount=2.0, currency="PEN"), False),
        (defined((DAYS, (Range(0, 99),)), (ORDERS, (Range(0, 9),))), False),
        (defined((DAYS, (Range(30, 99),))), False),
        (defined((DAYS, (Range(0, 29), Range(30, 500))), (ORDERS, (Range(0, 9),))), False),
        (defined((DAYS, (Range(0, 10), Range(11, 99)))), True),
        (defined((TENURE, (Range(0, 10),))), True),
    ],
)
def test_objects_are_counted_only_where_the_counts_do_not_suffice(new: Definitions, counted: bool) -> None:
    assert plan([use(2.0), use(5.0)], defined(*GAPLESS), new)[1] is counted


@pytest.mark.parametrize(("orders", "counted"), [(4.0, False), (4.5, True)])
def test_fractional_orders_are_in_no_union_of_counts(orders: float, counted: bool) -> None:
    changes, recounted = plan([use(orders)], defined(GAPLESS[1]), defined((ORDERS, (Range(0, 9),))))
    assert (changes[0]["then"]["voucher_amount"], recounted) == ([1.0], counted)


def test_days_outside_the_ranges_are_in_no_union_of_counts() -> None:
    old, rows = defined((DAYS, (Range(0, 5), Range(6, 9)))), [use(day=20)]
    changes, recounted = plan(rows, old, defined((DAYS, (Range(0, 9), Range(10, 20)))))
    assert [change["then"]["voucher_amount"] for change in changes[:2]] == [[], [1.0]]
    assert recounted


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ({}, {"minimum_uses": 4}, "minimum_uses is 4, there are 3 uses"),
        ({"minimum_uses": 4}, {}, "a guard is lifted"),
        ({}, {"amounts": frozenset({7.0})}, "no used amount is allowed"),
        ({}, {"max_amount": 1.5}, "not allowed: 2"),
        ({"max_amount": 1.5}, {}, "a guard is lifted"),
        ({"minimum_uses": 9}, {"amounts": frozenset({7.0})}, ""),
        ({}, {"minimum_uses": 3}, ""),
        ({}, {"currency": "PEN"}, "the currency changes"),
    ],
)
def test_a_change_has_a_reason(old: dict[str, Any], new: dict[str, Any], why: str) -> None:
    rows = [use(amount=2.0), use(amount=2.0), use(amount=1.0)]
    part = (ORDERS, (Range(0, 4),))
    changes, _ = plan(rows, defined(part, **old), defined(part, **new))
    assert [change["why"] for change in changes] == [why] * bool(why)


def test_ranges_that_come_and_go_are_named() -> None:
    part = (ORDERS, (Range(0, 4), Range(5, 9)))
    changes, _ = plan([use()], defined(part), defined((ORDERS, (Range(0, 4), Range(5, 8)))))
    assert [
        (c["min_range"], c["max_range"], c["now"] is None, c["then"] is None, c["why"]) for c in changes
    ] == [
        (5, 8, True, False, "new range, from the counts"),
        (5, 9, False, True, "range removed"),
    ]


def test_what_a_dataset_changes_is_unknown() -> None:
    part, rows = (ORDERS, (Range(0, 4),)), [use()]
    counts = count(rows, defined(part))
    edited = EditedCounts(counts, lambda: Fresh(datasets=["datasets/a/"]))
    new = defined((ORDERS, (Range(0, 4), Range(0, 2))))
    (change,) = find_changes(answers(counts, defined(part)), new, edited)["changes"]
    assert (change["min_range"], change["max_range"], change["then"]) == (0, 2, None)
    assert change["why"] == "unknown until datasets/a/ is counted again"
