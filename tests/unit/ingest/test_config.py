from __future__ import annotations

import pytest

from ingest.config import load_settings

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
