"""Cold starts of the built functions: from bytecode, and with few imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from voucher_selector.local_stack.emulator import REGION

if TYPE_CHECKING:
    from benchmarks.lambda_runtime import Runtime

pytestmark = pytest.mark.build

STARTS = Path(__file__).parents[2] / "benchmarks" / "start_function.py"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "SEGMENTS_TABLE": "segments",
}
AT_MOST = 1.3
"""The greatest ratio of a start's bytecode to its baseline's, which stands for the ratio of their times."""


def start(runtime: Runtime, artifact: Path, name: str, *options: str) -> dict[str, Any]:
    printed = runtime.run(artifact, STARTS, name, "watch", options=options, **VARIABLES)
    return json.loads(printed)  # type: ignore[no-any-return] # it is the script's own object


def compiled(runtime: Runtime, artifact: Path, name: str, *options: str) -> list[str]:
    return [path for path in start(runtime, artifact, name, *options)["compiled"] if str(artifact) in path]


@pytest.mark.parametrize("name", ["api", "ingest"])
def test_nothing_is_compiled_at_the_start(
    request: pytest.FixtureRequest, runtime: Runtime, tmp_path: Path, name: str
) -> None:
    artifact: Path = request.getfixturevalue(name)
    assert compiled(runtime, artifact, name) == []
    elsewhere = ("-X", f"pycache_prefix={tmp_path}")
    assert f"{artifact}/{name}/handler.py" in compiled(runtime, artifact, name, *elsewhere)


def test_the_api_starts_with_little_more_than_a_client(api: Path, runtime: Runtime) -> None:
    ours, yardstick = start(runtime, api, "api"), start(runtime, api, "client")
    assert ours["bytecode"] <= AT_MOST * yardstick["bytecode"]


def test_ingest_starts_with_little_more_than_arrow(ingest: Path, runtime: Runtime) -> None:
    ours, yardstick = start(runtime, ingest, "ingest"), start(runtime, ingest, "arrow")
    assert ours["bytecode"] <= AT_MOST * yardstick["bytecode"]


def test_ingest_starts_without_what_only_some_files_need(ingest: Path, runtime: Runtime) -> None:
    loaded = set(start(runtime, ingest, "ingest")["modules"])
    assert "pyarrow.parquet" in loaded
    assert not loaded & {"awswrangler", "pandas", "pyarrow.dataset", "boto3", "s3transfer", "multiprocessing"}


def test_the_api_starts_without_what_it_never_uses(api: Path, runtime: Runtime) -> None:
    loaded = set(start(runtime, api, "api")["modules"])
    assert "botocore.client" in loaded
    assert not loaded & {"boto3", "s3transfer", "multiprocessing", "pydantic", "aws_xray_sdk", "numpy"}
