from __future__ import annotations

import subprocess
import sys

import pytest

from api.dependencies import Settings, load_settings, sources_table
from vouchers.settings import SettingsError

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


def test_the_table_is_named_by_the_environment() -> None:
    assert load_settings({"SEGMENTS_TABLE": " segments "}) == Settings(segments_table="segments")


@pytest.mark.parametrize(
    ("written", "seconds"), [("", 0), (" ", 0), ("0", 0), ("10", 10), ("0.5", 0.5), (" 30 ", 30)]
)
def test_the_environment_sets_how_long_counts_are_cached(written: str, seconds: float) -> None:
    environment = {"SEGMENTS_TABLE": "segments", "ANSWER_CACHE_SECONDS": written}
    assert load_settings(environment).cache_seconds == seconds


@pytest.mark.parametrize("written", ["-1", "nan", "inf", "ten", "10s"])
def test_invalid_seconds_are_reported_in_one_sentence(written: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"SEGMENTS_TABLE": "segments", "ANSWER_CACHE_SECONDS": written})
    expected = f"ANSWER_CACHE_SECONDS is '{written}'; set it to a number of seconds from 0 up"
    assert str(caught.value) == expected


@pytest.mark.parametrize("environment", [{}, {"SEGMENTS_TABLE": ""}, {"SEGMENTS_TABLE": " "}])
def test_a_missing_table_is_reported_in_one_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
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
    done = subprocess.run(  # noqa: S603 (our own interpreter, our own script)
        command, env={"PYTHONPATH": "functions"}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_importing_the_handler_creates_no_client() -> None:
    script = "import sys, api.handler, api.dependencies as c; print(c.segments_table.cache_info().currsize)"
    done = subprocess.run(  # noqa: S603 (our own interpreter, our own script)
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "functions"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
