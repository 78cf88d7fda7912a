"""The artifacts of `make build`: their contents and size, and that Lambda's Python can use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.routes.static_page import FILES
from tests.support.api_gateway import rest_event
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.emulator import REGION, emulator
from voucher_selector.local_stack.ports import free_port

if TYPE_CHECKING:
    from benchmarks.lambda_runtime import Runtime

pytestmark = pytest.mark.build

HERE = Path(__file__).parent
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
UNCHECKED_HASH = 1
MAX_BYTES = {"ingest": 200_000_000, "api": 5_000_000}
"""Bytes; Lambda's limit for an unpacked artifact is 262,144,000."""


@pytest.fixture(params=["ingest", "api"])
def artifact(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return] # both fixtures are paths


def weight(artifact: Path) -> int:
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())


def names(artifact: Path) -> set[str]:
    return {path.name for path in artifact.iterdir()}


def test_ingest_fits_into_lambda_with_room_to_spare(ingest: Path) -> None:
    assert 0 < weight(ingest) <= MAX_BYTES["ingest"]


def test_api_stays_small(api: Path) -> None:
    assert 0 < weight(api) <= MAX_BYTES["api"]


def test_api_takes_nothing_along_that_it_does_not_import(api: Path) -> None:
    packages = {"aws_lambda_powertools", "jmespath", "msgspec", "typing_extensions.py"}
    assert names(api) - {"__pycache__"} == {"api", "vouchers"} | packages


def test_neither_takes_along_what_lambda_has(artifact: Path) -> None:
    assert not names(artifact) & {"boto3", "botocore", "s3transfer", "urllib3", "pip", "setuptools"}


def test_neither_takes_along_tests_or_headers(artifact: Path) -> None:
    assert not [
        path
        for path in artifact.rglob("*")
        if path.name in {"tests", "include", "conftest.py"} or path.suffix in {".h", ".pyx"}
    ]


def test_segment_definitions_come_along(artifact: Path) -> None:
    assert (artifact / "vouchers/segments.toml").is_file()


def test_ingest_reads_and_counts_every_codec_and_keeps_and_lists_rows(
    ingest: Path, runtime: Runtime, tmp_path: Path
) -> None:
    with emulator(free_port()) as endpoint:
        session().client("s3", endpoint_url=endpoint).create_bucket(Bucket="results")
        variables = CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}
        printed = runtime.run(ingest, HERE / "in_lambda.py", str(tmp_path), "results", **variables)
    assert printed.startswith(f"(3, 13) {ingest}")


def test_api_answers_and_refuses(api: Path, runtime: Runtime) -> None:
    events = [
        rest_event(path="/health"),
        rest_event(path="/nowhere"),
        rest_event(body="{"),
        rest_event("PUT"),
        rest_event(path="/openapi.json"),
        rest_event(path="/"),
        *(rest_event(path=f"/static/{name}") for name in FILES),
    ]
    printed = runtime.run(api, HERE / "answers.py", json.dumps(events), POWERTOOLS_SERVICE_NAME="api")
    assert printed.splitlines()[-1] == str([200, 404, 400, 405, 200, 200, *[200] * len(FILES)])


def test_every_module_has_bytecode_that_is_never_stale(artifact: Path, runtime: Runtime) -> None:
    assert runtime
    for source in artifact.rglob("*.py"):
        bytecode = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert bytecode.read_bytes()[4] == UNCHECKED_HASH, source
