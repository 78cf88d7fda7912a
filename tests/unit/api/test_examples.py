"""The examples of the OpenAPI document are answers of the API. ``EXAMPLES=1`` records them again."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from api import dependencies, handler
from tests.support.api_gateway import CUSTOMER, call, rest_event
from tests.support.fake_s3 import FakeS3
from tests.support.fake_sources_table import LATE, fake_sources_table
from vouchers.counts import spellings_cell

if TYPE_CHECKING:
    from tests.support.fake_segments_table import CountedTable

pytestmark = pytest.mark.disable_socket

FILE = Path(handler.__file__).parent / "openapi" / "examples.json"
MOMENT = "2026-11-22T10:00:00.000000Z"
DESCRIBED = [route for route in handler.ROUTES if route.operation_id]
CURSOR = (
    "WyIyMDI2LTExLTIyVDEwOjAwOjAwLjAwMDAwMFoiLHsiY291bnRlZCI6WyJ2b3VjaGVycy9zYW1wbGUu"
    "cGFycXVldCIsIjIwMjYtMTEtMjJUMTA6MDA6MDAuMDAwMDAwWiJdfV0"
)
PARAMETERS: dict[str, dict[str, Any]] = {
    "getVoucherAmount": {
        "country_code": "Peru",
        "segment_name": "frequent_segment",
        "last_order_ts": "2018-05-03",
        "total_orders": 15,
    },
    "getSegments": {"country": "Peru"},
    "getCounts": {"country": "Peru", "segment": "recency_segment"},
    "getHistory": {"country": "Peru"},
    "listSources": {"status": "counted", "limit": 1, "cursor": CURSOR},
    "getSource": {"key": "vouchers/sample.parquet"},
    "getRejectedRows": {"source": LATE},
}
BODIES: dict[str, dict[str, Any]] = {
    "postVoucherAmount": CUSTOMER,
    "selectVouchers": {"customers": [CUSTOMER], "as_of": "2018-08-05", "fallback": "country"},
    "createUpload": {"name": "2018/may.parquet", "as_of": "2018-08-05"},
}
WRONG: dict[int, dict[str, Any]] = {
    400: {"limit": 0, "segment": "loyalty", "segment_name": "loyalty", "as_of": "tomorrow", "source": ""},
    404: {
        "country": "Atlantis",
        "country_code": "Atlantis",
        "cursor": "x",
        "key": "vouchers/missing.parquet",
        "source": "vouchers/missing.parquet",
    },
    409: {"last_order_ts": "2100-01-01", "name": "_temporary/may.parquet"},
    413: {"customer_id": "x" * 300_000},
}
"""Values of fields and parameters that end in an error."""


def unreachable(error: Exception) -> Any:
    """Return a function that raises ``error`` in place of returning a table."""

    def raise_() -> Any:
        raise error

    return raise_


def answer(operation: str, status: int) -> Any:
    """Return the body of an operation's answer with a status."""
    [route] = [route for route in DESCRIBED if route.operation_id == operation]
    wrong = WRONG.get(status, {})
    parameters = dict(PARAMETERS.get(operation, {}))
    parameters |= {name: value for name, value in wrong.items() if name in parameters}
    if status == 400:
        parameters |= {
            "getSegments": {"country": " "},
            "getChoices": {"format": "xml"},
            "getHistory": {"country": " "},
        }.get(operation, {})
    body = None
    if operation in BODIES:
        known = {*CUSTOMER, *BODIES[operation]}
        body = json.dumps(BODIES[operation] | {name: value for name, value in wrong.items() if name in known})
    elif status == 413:
        body = json.dumps(wrong)
    path = route.path.replace("{key}", str(parameters.get("key")))
    query = {name: str(value) for name, value in parameters.items() if name != "key"}
    given = call(rest_event(route.method, path, query=query, body=body))
    assert given.status == status
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z(?=\")", lambda found: normal(found[0]), given.body))


def normal(moment: str) -> str:
    """Return a moment of the past, or a fixed one in place of the present."""
    return min(MOMENT, moment)


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, counted: CountedTable) -> dict[str, Any]:
    """Return the examples of all operations."""
    counted.counts[spellings_cell("Peru")] = {"Peru": 106547}
    monkeypatch.setattr(dependencies, "sources_table", fake_sources_table)
    monkeypatch.setattr(dependencies, "s3_client", FakeS3)
    monkeypatch.setenv("PAGE_UPLOADS_BUCKET", "voucher-uploads")
    monkeypatch.setenv("RESULTS_BUCKET", "voucher-results")
    examples: dict[str, Any] = {}
    for route in DESCRIBED:
        name = str(route.operation_id)
        parameters, body = PARAMETERS.get(name, {}), BODIES.get(name)
        answers = {200: answer(name, 200)}
        for status in route.errors:
            with monkeypatch.context() as failing:
                if status >= 500:
                    error = EndpointConnectionError(endpoint_url="") if status == 503 else ZeroDivisionError()
                    for dependency in ("sources_table", "segments_table", "s3_client"):
                        failing.setattr(dependencies, dependency, unreachable(error))
                    failing.setattr(handler, "load_definitions", unreachable(error))
                if (name, status) == ("createUpload", 404):
                    failing.delenv("PAGE_UPLOADS_BUCKET")
                answers[status] = answer(name, status)
        examples[name] = {
            "parameters": parameters,
            **({"body": body} if body else {}),
            "responses": {str(status): found for status, found in answers.items()},
        }
    if os.environ.get("EXAMPLES"):
        FILE.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return examples


def test_the_examples_of_the_description_are_answers_of_the_api(record: dict[str, Any]) -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == record
