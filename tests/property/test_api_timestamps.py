from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.timestamps import parse_timestamp

pytestmark = pytest.mark.disable_socket

MOMENTS = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29))  # noqa: DTZ001 (UTC is added)


@given(
    moment=MOMENTS,
    separator=st.sampled_from("T "),
    digits=st.integers(0, 9),
    minutes=st.none() | st.integers(-23 * 60 - 59, 23 * 60 + 59),
    colon=st.sampled_from([":", ""]),
)
def test_a_timestamp_is_parsed_to_its_moment(
    moment: datetime, separator: str, digits: int, minutes: int | None, colon: str
) -> None:
    fraction = f".{moment.microsecond:06}000"[: digits + 1] if digits else ""
    sign, offset = ("-", -minutes) if minutes is not None and minutes < 0 else ("+", minutes or 0)
    zone = "" if minutes is None else f"{sign}{offset // 60:02}{colon}{offset % 60:02}"
    text = f"{moment:%Y-%m-%d}".rjust(10, "0") + f"{separator}{moment:%H:%M:%S}{fraction}{zone}"

    whole = moment.replace(microsecond=int(fraction[1:7].ljust(6, "0")) if fraction else 0, tzinfo=UTC)
    assert parse_timestamp(text) == whole - timedelta(minutes=minutes or 0)


@given(MOMENTS)
def test_a_date_is_its_midnight(moment: datetime) -> None:
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    assert parse_timestamp(moment.date().isoformat()) == midnight


@given(st.text(st.characters(exclude_categories=())) | st.text("0123456789-:.TZ +"))
def test_other_text_raises_only_value_errors(text: str) -> None:
    with suppress(ValueError):
        assert parse_timestamp(text).tzinfo is UTC
