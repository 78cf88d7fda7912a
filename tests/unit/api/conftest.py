from __future__ import annotations

import pytest

from api import dependencies
from api.cached_table import TTLCache
from tests.support.fake_segments_table import CountedTable


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> CountedTable:
    """The table of counts that the routes read, without a cache."""
    table = CountedTable()
    monkeypatch.setattr(dependencies, "segments_table", lambda: table)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: TTLCache(0))
    return table
