from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from api.dependencies import answer_cache, segments_table, sources_table
from vouchers.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAVY = [
    "api.openapi",
    "api.routes.counts",
    "api.routes.segments",
    "api.routes.selections",
    "api.routes.sources",
    "api.routes.static_page",
    "awswrangler",
    "aws_xray_sdk",
    "boto3",
    "fastjsonschema",
    "ingest",
    "jsonschema",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "s3transfer",
]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    for dependency in (segments_table, answer_cache, sources_table):
        dependency.cache_clear()


def test_the_table_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("SEGMENTS_TABLE", " segments ")
    segments_table.cache_clear()
    assert segments_table().name == "segments"


@pytest.mark.parametrize(
    ("written", "seconds"), [("", 0), (" ", 0), ("0", 0), ("10", 10), ("0.5", 0.5), (" 30 ", 30)]
)
def test_the_environment_sets_how_long_counts_are_cached(
    monkeypatch: pytest.MonkeyPatch, written: str, seconds: float
) -> None:
    monkeypatch.setenv("ANSWER_CACHE_SECONDS", written)
    answer_cache.cache_clear()
    assert answer_cache().seconds == seconds


@pytest.mark.parametrize("written", ["-1", "nan", "inf", "ten", "10s"])
def test_invalid_seconds_are_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("ANSWER_CACHE_SECONDS", written)
    answer_cache.cache_clear()
    with pytest.raises(SettingsError) as caught:
        answer_cache()
    expected = f"ANSWER_CACHE_SECONDS is '{written}'; set it to a number of seconds from 0 up"
    assert str(caught.value) == expected


@pytest.mark.parametrize("written", [None, "", " "])
def test_a_missing_table_is_reported_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, written: str | None
) -> None:
    monkeypatch.delenv("SEGMENTS_TABLE", raising=False)
    if written is not None:
        monkeypatch.setenv("SEGMENTS_TABLE", written)
    segments_table.cache_clear()
    with pytest.raises(SettingsError) as caught:
        segments_table()
    assert (
        str(caught.value) == "SEGMENTS_TABLE is not set; set it to the name of the DynamoDB table of counts"
    )


def test_only_the_routes_of_sources_need_their_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES_TABLE", raising=False)
    sources_table.cache_clear()
    with pytest.raises(SettingsError) as caught:
        sources_table()
    assert (
        str(caught.value) == "SOURCES_TABLE is not set; set it to the name of the DynamoDB table of sources"
    )


def test_the_handler_imports_nothing_heavy_and_needs_no_environment() -> None:
    script = f"import sys, api.handler; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(  # noqa: S603 - this interpreter and the script above
        command, env={"PYTHONPATH": "functions"}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_importing_the_handler_creates_no_client() -> None:
    script = "import sys, api.handler, api.dependencies as c; print(c.segments_table.cache_info().currsize)"
    done = subprocess.run(  # noqa: S603 - this interpreter and the script above
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "functions"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
