from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Context, Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.parsing import EMPTY, NULL, READABLE, UNREADABLE, instants, numbers
from tests.support import oracle

JULY = int(datetime(2018, 7, 21, 18, 59, 21, 102761, UTC).timestamp() * 1_000_000)
INSTANT_TEXTS = st.from_regex(oracle.INSTANT, fullmatch=True) | st.from_regex(
    re.compile(r"[0-9]{4}-?[0-9]{1,2}-?[0-9]{1,2}[ Tt]?[][0-9:.,ZzUTC +-]{0,18}", re.ASCII), fullmatch=True
)
NUMBER_TEXTS = st.from_regex(oracle.NUMBER, fullmatch=True) | st.text("0123456789.eE+-_ nainf", max_size=8)


@pytest.mark.parametrize(
    "text",
    [
        "2018-07-21 18:59:21.102761",
        "2018-07-21T18:59:21.102761",
        "2018-07-21 18:59:21.102761+00:00",
        "2018-07-21T18:59:21.102761Z",
        "2018-07-21 13:59:21.102761-05:00",
        "2018-07-21 18:59:21.102761999",
        " 2018-07-21 18:59:21.102761 ",
        "2018-07-21 18:59:21.102761 UTC",
        "2018-07-21 18:59:21.102761UTC",
        "2018-07-21 18:59:21.102761 Z",
        "2018-07-21t18:59:21.102761z",
        "2018-07-21 18:59:21,102761999",
        "2018-07-21 20:59:21.102761 +02",
        "2018-07-21 20:59:21.102761 +0200",
        "2018-07-21 18:59:21.102761 +00:00",
        "2018-07-21T18:59:21.102761Z[UTC]",
    ],
)
def test_instants_are_read_however_they_are_written(text: str) -> None:
    assert [a.tolist() for a in instants(pa.array([text]))] == [[JULY], [READABLE]]
    assert [a.tolist()[0] for a in instants(pa.array([text, "x"]))] == [JULY, READABLE]


def test_a_date_may_be_written_without_hyphens() -> None:
    values, states = instants(pa.array(["20180721", "2018-07-21", "20180229"]))
    assert values[0] == values[1]
    assert states.tolist() == [READABLE, READABLE, UNREADABLE]


def test_exactly_the_days_that_there_are_are_read() -> None:
    days = [
        f"{year:04}-{month:02}-{day:02}"
        for year in (1, 4, 100, 400, 1896, 1899, 1900, 1996, 1999, 2000, 2010, 2012, 2100, 9999)
        for month in range(14)
        for day in range(33)
    ]
    expected = [READABLE if _exists(day) else UNREADABLE for day in days]
    assert instants(pa.array(days)).states.tolist() == expected
    assert instants(pa.array([f"{day} 10:00Z" for day in days])).states.tolist() == expected


def test_exactly_the_zones_that_there_are_are_read() -> None:
    for hour in range(30):
        for minute in (0, 30, 59, 60, 99):
            texts = [
                f"2018-07-21 10:00{sign}{hour:02}{colon}{minute:02}" for sign in "+-" for colon in (":", "")
            ]
            state = READABLE if hour < 24 and minute < 60 else UNREADABLE
            assert instants(pa.array([*texts, "x"])).states.tolist() == [state] * 4 + [UNREADABLE]
    texts = [f"2018-07-21 10:00{zone}" for zone in ("Z", "+05", "z", "-24", "utc", "+5")]
    assert instants(pa.array(texts)).states.tolist() == [READABLE] * 3 + [UNREADABLE] * 3


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        *("", "2018", "2018-02-30", "0000-01-01", "21/07/2018", "2018-07-21 24:00"),
        *("2018-02-30 10:00:00 UTC", "9999-12-31 23:00:00-02:00", "2018-07-21 UTC", "None", "nan", "\\N"),
    ],
)
def test_what_is_no_instant_is_unreadable_whatever_stands_beside_it(text: str) -> None:
    beside = ["2018-07-21 18:59:21.102761+00:00", None, text, "2018-07-21 18:59:21.102761"]
    values, states = instants(pa.array(beside))
    assert states.tolist() == [READABLE, NULL, UNREADABLE, READABLE]
    assert (values[0], values[3]) == (JULY, JULY)
    assert instants(pa.array([text])).states.tolist() == [UNREADABLE]


def test_numbers_are_read_however_they_are_written() -> None:
    values, states = numbers(pa.array(["12.0", "+5", " 7 ", "1e1", ".5", "-0", None, "", " "]))
    assert values[:6].tolist() == [12.0, 5.0, 7.0, 10.0, 0.5, 0.0]
    assert states.tolist() == [READABLE] * 6 + [NULL, EMPTY, EMPTY]


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1_0", "0x10", "1,5", "x", "٣", "1e999"])
def test_what_is_no_finite_number_is_unreadable_whatever_stands_beside_it(text: str) -> None:
    assert numbers(pa.array(["1", text, " 2"])).states.tolist() == [READABLE, UNREADABLE, READABLE]
    assert numbers(pa.array([text])).states.tolist() == [UNREADABLE]


def test_bytes_that_are_no_text_are_unreadable() -> None:
    content = pa.array([b"\xff", b"5", b"2018-07-21"])
    assert numbers(content).states.tolist() == [UNREADABLE, READABLE, UNREADABLE]
    assert instants(content).states.tolist() == [UNREADABLE, UNREADABLE, READABLE]


@given(st.lists(st.none() | INSTANT_TEXTS, min_size=1))
def test_an_instant_depends_on_its_text_alone(texts: list[str | None]) -> None:
    together = instants(pa.array(texts, pa.string()))
    for i, text in enumerate(texts):
        alone = instants(pa.array([text], pa.string()))
        assert alone.states[0] == together.states[i]
        if text is not None and alone.states[0] == READABLE:
            assert alone.values[0] == together.values[i]
            moment = oracle.instant(text, "")
            assert moment is not None
            assert round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6) == alone.values[0]
        elif text is not None:
            with pytest.raises(oracle.Reject):
                oracle.instant(text, "")


@given(st.lists(st.none() | NUMBER_TEXTS, min_size=1))
def test_a_number_depends_on_its_text_alone(texts: list[str | None]) -> None:
    together = numbers(pa.array(texts, pa.string()))
    for i, text in enumerate(texts):
        alone = numbers(pa.array([text], pa.string()))
        assert alone.states[0] == together.states[i]
        if text is not None and alone.states[0] == READABLE:
            assert alone.values[0] == together.values[i] == float(text)


@st.composite
def decimals(draw: st.DrawFn) -> pa.Array:
    kind, digits = draw(
        st.sampled_from([(pa.decimal32, 9), (pa.decimal64, 18), (pa.decimal128, 38), (pa.decimal256, 76)])
    )
    scale = draw(st.integers(0, digits))
    limit = 10 ** draw(st.integers(1, digits)) - 1
    unscaled = draw(st.lists(st.none() | st.integers(-limit, limit), min_size=1))
    context = Context(prec=digits)
    values = [None if n is None else Decimal(n).scaleb(-scale, context) for n in unscaled]
    return pa.array(values, kind(digits, scale))


@given(decimals(), st.integers(0, 3))
def test_a_decimal_is_read_as_the_nearest_float(array: pa.Array, start: int) -> None:
    values, states = numbers(array[start:])
    expected = array[start:].to_pylist()
    assert states.tolist() == [NULL if value is None else READABLE for value in expected]
    readable = [(v, float(e)) for v, e in zip(values.tolist(), expected, strict=True) if e is not None]
    assert [value for value, _ in readable] == [value for _, value in readable]
