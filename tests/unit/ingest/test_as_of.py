from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.config import load_settings
from ingest.counting.as_of import AsOf, microseconds, recorded
from vouchers.settings import SettingsError

UPLOADED = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
ENVIRONMENT = {"SEGMENTS_TABLE": "a", "SOURCES_TABLE": "b", "RESULTS_BUCKET": "c", "UPLOADS_BUCKET": "d"}


@pytest.mark.parametrize(
    ("text", "moment", "record"),
    [
        ("upload", UPLOADED, "2026-11-22T12:30:00.000000Z"),
        (" Row ", None, "row"),
        ("2018-08-05", datetime(2018, 8, 5, tzinfo=UTC), "2018-08-05T00:00:00.000000Z"),
        ("20180805", datetime(2018, 8, 5, tzinfo=UTC), "2018-08-05T00:00:00.000000Z"),
        ("2018-08-05 00:00:00 UTC", datetime(2018, 8, 5, tzinfo=UTC), "2018-08-05T00:00:00.000000Z"),
        ("2018-08-05T02:00:00+02:00", datetime(2018, 8, 5, tzinfo=UTC), "2018-08-05T00:00:00.000000Z"),
    ],
)
def test_an_as_of_date_is_the_upload_each_row_or_a_date(
    text: str, moment: datetime | None, record: str
) -> None:
    assert AsOf.parse(text).at(UPLOADED) == moment
    assert recorded(moment) == record


@pytest.mark.parametrize("text", ["", "yesterday", "2018-13-01", "05.08.2018"])
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is not an as-of date; use a date such as"):
        AsOf.parse(text)


def test_a_date_in_the_future_is_refused() -> None:
    assert AsOf.parse("2026-11-22T12:30:00Z", UPLOADED).moment == UPLOADED
    assert AsOf.parse("row", UPLOADED).rule == "row"
    with pytest.raises(ValueError, match=r"'2026-11-23' is in the future \(UTC\); use a date such as"):
        AsOf.parse("2026-11-23", UPLOADED)


def test_a_stack_refuses_an_as_of_date_in_the_future() -> None:
    with pytest.raises(SettingsError, match=r"RECENCY_AS_OF is '9999-01-01'; set it to .* past date"):
        load_settings(ENVIRONMENT | {"RECENCY_AS_OF": "9999-01-01"})


def test_microseconds_are_exact() -> None:
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)) == -1
    assert microseconds(None) is None


def test_settings_come_from_the_environment_and_default_to_the_upload() -> None:
    settings = load_settings(ENVIRONMENT)
    assert (settings.segments_table, settings.sources_table, settings.results_bucket) == ("a", "b", "c")
    assert settings.recency_as_of == AsOf("upload")
    assert load_settings(ENVIRONMENT | {"RECENCY_AS_OF": "row"}).recency_as_of == AsOf("row")


def test_settings_that_cannot_be_used_are_refused_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match="SOURCES_TABLE is not set; set it to the name"):
        load_settings({"SEGMENTS_TABLE": "a", "SOURCES_TABLE": ""})
    with pytest.raises(SettingsError, match="RECENCY_AS_OF is 'soon'; set it to upload, row, or a past date"):
        load_settings(ENVIRONMENT | {"RECENCY_AS_OF": "soon"})
