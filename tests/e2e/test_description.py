"""The API follows its OpenAPI document: Schemathesis sends requests that the document allows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voucher_selector.sample_data.file import write_sample

if TYPE_CHECKING:
    from tests.e2e.place import Place

# LocalStack itself answers 500 to some malformed headers that Schemathesis sends.
pytestmark = [pytest.mark.stack, pytest.mark.anywhere, pytest.mark.beyond_localstack]

ASKED = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 25
"""Random requests per route, in addition to those that cover each part of its description."""


def test_schemathesis_finds_no_failure_as_anybody_runs_it(place: Place, tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.parquet")
    place.upload(tmp_path / "sample.parquet", "sample.parquet")
    command = [str(ASKED), "run", f"{place.url}/openapi.json", "--max-examples", str(EXAMPLES)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603 - a tool of .venv
    place.delete("sample.parquet")
    operations = sum(map(len, json.loads(place.ask("/openapi.json")[1])["paths"].values()))
    message = ran.stdout + ran.stderr
    assert f"Operations:       {operations} selected / {operations} total" in message, message
    assert ran.returncode == 0, message


def test_the_description_has_the_gateways_address_and_no_signature(place: Place) -> None:
    described = json.loads(place.ask("/openapi.json")[1])
    assert described["servers"] == [{"url": place.url.replace("localhost", "127.0.0.1")}]
    assert described["security"] == [{}, {"sigv4": []}]
