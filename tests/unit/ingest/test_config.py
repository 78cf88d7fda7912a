from __future__ import annotations

import pytest

from ingest.config import load_settings
from vouchers.settings import SettingsError

NAMES = {
    "SEGMENTS_TABLE": "segments",
    "SOURCES_TABLE": "sources",
    "UPLOADS_BUCKET": "uploads",
    "RESULTS_BUCKET": "results",
}


@pytest.mark.parametrize(
    ("environment", "database"), [({}, None), ({"ROWS_DATABASE": ""}, None), ({"ROWS_DATABASE": "a"}, "a")]
)
def test_rows_are_kept_where_a_database_is_named(environment: dict[str, str], database: str | None) -> None:
    assert load_settings(NAMES | environment).rows_database == database


@pytest.mark.parametrize(("given", "rows"), [("", None), ("0", None), (" 1000 ", 1000)])
def test_a_file_has_as_many_rows_as_it_likes_or_a_number(given: str, rows: int | None) -> None:
    assert load_settings(NAMES).max_rows is None
    assert load_settings(NAMES | {"MAX_ROWS_PER_FILE": given}).max_rows == rows


@pytest.mark.parametrize("given", ["-1", "1e6", "many"])
def test_a_limit_of_rows_that_is_no_number_is_named(given: str) -> None:
    with pytest.raises(SettingsError, match="MAX_ROWS_PER_FILE"):
        load_settings(NAMES | {"MAX_ROWS_PER_FILE": given})
