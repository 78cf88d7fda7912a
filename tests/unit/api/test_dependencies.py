from __future__ import annotations

import subprocess
import sys

import pytest

from api.dependencies import Settings, SettingsError

HEAVY = [
    "api.openapi",
    "api.routes.selections",
    "api.routes.sources",
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
    assert Settings.from_environment({"SEGMENTS_TABLE": "segments"}) == Settings(segments_table="segments")


@pytest.mark.parametrize(
    ("written", "seconds"), [("", 0), (" ", 0), ("0", 0), ("10", 10), ("0.5", 0.5), (" 30 ", 30)]
)
def test_answers_are_kept_as_long_as_the_environment_says(written: str, seconds: float) -> None:
    environment = {"SEGMENTS_TABLE": "segments", "ANSWER_CACHE_SECONDS": written}
    assert Settings.from_environment(environment).answer_cache_seconds == seconds


@pytest.mark.parametrize("written", ["-1", "nan", "inf", "ten", "10s"])
def test_seconds_that_are_none_are_said_in_one_sentence(written: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"SEGMENTS_TABLE": "segments", "ANSWER_CACHE_SECONDS": written})
    assert (
        str(caught.value) == f"ANSWER_CACHE_SECONDS is '{written}'; it must be a number of seconds from 0 up"
    )


@pytest.mark.parametrize("environment", [{}, {"SEGMENTS_TABLE": ""}, {"SEGMENTS_TABLE": " "}])
def test_a_missing_table_is_said_in_one_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)
    assert str(caught.value) == "SEGMENTS_TABLE is not set; it must name the DynamoDB table of the counts"


def test_the_table_of_the_sources_is_needed_by_those_alone_who_ask_for_it() -> None:
    environment = {"SEGMENTS_TABLE": "segments", "SOURCES_TABLE": " sources "}
    assert Settings.from_environment(environment).required_sources_table == "sources"
    without = Settings.from_environment({"SEGMENTS_TABLE": "segments"})
    with pytest.raises(SettingsError) as caught:
        _ = without.required_sources_table
    assert str(caught.value) == "SOURCES_TABLE is not set; it must name the DynamoDB table of the sources"


def test_importing_the_handler_needs_no_environment_and_loads_nothing_heavy() -> None:
    script = f"import sys, api.handler; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(  # noqa: S603 (our own interpreter, our own script)
        command, env={"PYTHONPATH": "functions"}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_importing_the_handler_makes_no_client() -> None:
    script = "import sys, api.handler, api.dependencies as c; print(c.segments_table.cache_info().currsize)"
    done = subprocess.run(  # noqa: S603 (our own interpreter, our own script)
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "functions"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
