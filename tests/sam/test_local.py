"""SAM CLI's local commands run the built functions in containers, against the stack on this machine."""

from __future__ import annotations

import json
import subprocess
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from tests.sam.conftest import ROOT, Sam
from tests.support.fake_segments_table import REFERENCE_COUNTS
from voucher_selector.cli.stack import REFERENCE
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.ports import free_port
from vouchers.dynamodb.segments_table import SegmentsTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voucher_selector.stack import Deployed

pytestmark = pytest.mark.sam

ANSWER = b'{"voucher_amount":[2640.0]}'
BUCKET = "voucher-selector-uploads-000000000000-us-east-1"
SECONDS = 30


def rows(deployed: Deployed) -> dict[str, dict[float, int]]:
    table = SegmentsTable(deployed.dynamodb(), deployed.outputs["SegmentsTable"])
    country = table.country("Peru")
    found = country.cells if country else {}
    return {cell: counts.amounts for cell, counts in found.items() if counts.amounts}


REFERENCE_ROWS = {
    f"{segment}#{low}-{high}": counts for (segment, low, high), counts in REFERENCE_COUNTS.items()
}


@pytest.fixture(scope="module")
def counted(sampled: Deployed, sam: Sam) -> Deployed:
    """The stack, with the sample counted by a container."""
    assert rows(sampled) == {}
    assert sam.invoke("IngestFunction", "infra/events/put.json") == {"outcomes": ["counted"]}
    return sampled


@pytest.fixture(scope="module")
def url(counted: Deployed, sam: Sam) -> Iterator[str]:
    assert counted
    with sam.serving("start-api") as port:
        yield f"localhost:{port}"


def test_the_template_is_valid(sam: Sam) -> None:
    assert "is a valid SAM Template" in sam.run("validate", "--lint")


def test_a_container_counts_the_object_to_the_twenty_reference_rows(counted: Deployed) -> None:
    assert sum(map(len, REFERENCE_ROWS.values())) == 20
    assert rows(counted) == REFERENCE_ROWS


@pytest.mark.usefixtures("counted")
def test_an_event_that_sam_generates_counts_its_object_once(sam: Sam, sampled: Deployed) -> None:
    event = sam.run(
        "local", "generate-event", "s3", "put", "--bucket", BUCKET, "--key", "vouchers/sample.parquet"
    )
    for _ in range(2):
        assert sam.invoke("IngestFunction", "-", message=event) == {"outcomes": ["counted"]}
        assert rows(sampled) == REFERENCE_ROWS


@pytest.mark.usefixtures("counted")
def test_the_api_answers_the_event_of_the_reference_request(sam: Sam) -> None:
    answer = sam.invoke("ApiFunction", "infra/events/voucher_amount.json")
    assert (answer["statusCode"], answer["body"]) == (200, ANSWER.decode())


def test_the_curl_of_the_readme_has_the_reference_answer(url: str) -> None:
    (curl,) = {
        line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("curl -X GET")
    }
    answered = subprocess.run(  # noqa: S602 - a line of the README, as a person would run it
        curl.replace("localhost:5000", url), shell=True, capture_output=True, check=True, timeout=SECONDS
    )
    assert answered.stdout == ANSWER


def test_statuses_and_bodies_come_back_over_http(url: str) -> None:
    def ask(method: str, path: str, body: str | None = None) -> tuple[int, Any]:
        connection = HTTPConnection(url, timeout=SECONDS)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    assert ask("POST", "/voucher_amount", json.dumps(REFERENCE)) == (200, {"voucher_amount": [2640.0]})
    assert len(ask("GET", "/v1/counts?country=peru")[1]["rows"]) == 20
    assert ask("GET", "/v1/counts?country=Atlantis")[0] == 404
    assert ask("POST", "/voucher_amount", "{")[0] == 400


def test_boto3_invokes_both_functions_of_start_lambda(counted: Deployed, sam: Sam) -> None:
    def payload(function: str, event: str) -> Any:
        asked = client.invoke(FunctionName=function, Payload=(ROOT / "infra/events" / event).read_bytes())
        return json.load(asked["Payload"])

    with sam.serving("start-lambda") as port:
        client = session().client("lambda", endpoint_url=f"http://127.0.0.1:{port}")
        assert payload("IngestFunction", "put.json") == {"outcomes": ["counted"]}
        assert payload("ApiFunction", "voucher_amount.json")["body"] == ANSWER.decode()
    assert rows(counted) == REFERENCE_ROWS


def test_a_file_that_cannot_be_read_is_an_error_of_the_payload(sam: Sam, sampled: Deployed) -> None:
    key = "vouchers/bad file.parquet"
    sampled.s3().put_object(Bucket=BUCKET, Key=key, Body=b"no Parquet at all")
    event = sam.run("local", "generate-event", "s3", "put", "--bucket", BUCKET, "--key", key)
    answer = sam.invoke("IngestFunction", "-", message=event)
    assert answer["errorType"] == "IngestError"
    assert answer["errorMessage"].startswith(f"'{key}' was not counted: it cannot be read as Parquet")


def test_an_endpoint_where_nothing_answers_is_an_error_within_seconds() -> None:
    endpoint = f"http://host.docker.internal:{free_port()}"
    started = time.monotonic()
    answer = Sam(endpoint).invoke("IngestFunction", "infra/events/put.json")
    assert time.monotonic() - started < SECONDS
    assert answer["errorType"] == "IngestError"
    assert f"is not counted yet: AWS does not answer at {endpoint}; start it, or" in answer["errorMessage"]
