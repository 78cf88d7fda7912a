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

CONFIG = Path(__file__).with_name("schemathesis.toml")
ASKED = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 25
"""Random requests per route, in addition to those that cover each part of its description."""


@pytest.fixture
def description(place: Place, tmp_path: Path) -> Path:
    """The document without signatures, of a stack with the object of its examples."""
    write_sample(tmp_path / "sample.parquet")
    place.upload(tmp_path / "sample.parquet", "sample.parquet")
    status, body = place.ask("/openapi.json")
    assert status == 200
    described = json.loads(body)
    # The gateway on this machine signs every request, so none is refused for want of a signature.
    del described["security"], described["components"]["securitySchemes"]
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(described))
    return path


def test_every_answer_is_as_the_description_says(place: Place, description: Path) -> None:
    options = ["--url", place.url, "--max-examples", str(EXAMPLES), "--report-dir", str(description.parent)]
    command = [str(ASKED), "--config-file", str(CONFIG), "run", str(description), *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=description.parent)  # noqa: S603 - a tool of .venv
    place.delete("sample.parquet")
    operations = sum(map(len, json.loads(description.read_text())["paths"].values()))
    message = ran.stdout + ran.stderr
    assert f"Operations:       {operations} selected / {operations} total" in message, message
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_description_has_the_gateways_address_and_no_signature(place: Place) -> None:
    described = json.loads(place.ask("/openapi.json")[1])
    assert described["servers"] == [{"url": place.url.replace("localhost", "127.0.0.1")}]
    assert described["security"] == [{}, {"sigv4": []}]
