"""Uploads with forms that the API function's role signs, on a stack that enforces its policies."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from tests.support.sample_files import DIRTY, file_of

if TYPE_CHECKING:
    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack

HTTP = urllib3.PoolManager()
KEY = "vouchers/from the page/é.parquet"


def create(stack: Stack, **fields: str) -> Any:
    answer = HTTP.request("POST", f"{stack.url}/v1/uploads", body=json.dumps(fields))
    assert answer.status == 200, answer.data
    return answer.json()


def send(form: Any, body: bytes, **fields: str) -> tuple[int, str]:
    """Return the status, and the code of an error, that S3 answers to a form with some fields replaced."""
    sent = {**form["fields"], **fields, "file": ("a", body)}
    answer = HTTP.request("POST", form["url"], fields=sent, encode_multipart=True)
    text = answer.data.decode()
    return answer.status, text.partition("<Code>")[2].partition("</Code>")[0]


def load(stack: Stack, path: str, **query: str) -> Any:
    return HTTP.request("GET", f"{stack.url}/v1/{path}", fields=query).json()


def test_a_signed_form_uploads_one_file_which_is_counted(stack: Stack) -> None:
    form = create(stack, name=KEY, as_of="2018-08-05")
    assert form["source"] == KEY
    assert send(form, file_of(DIRTY)) == (201, "")
    source, deadline = {}, time.monotonic() + 60
    while "report" not in source and time.monotonic() < deadline:
        time.sleep(0.2)
        source = load(stack, "sources/vouchers%2Ffrom%20the%20page%2F%C3%A9.parquet")
    assert source["as_of"] == "2018-08-05T00:00:00.000000Z"
    assert source["report"]["rejected"] == 2
    rows = load(stack, "rejected", source=KEY)["rows"]
    assert [row["reason"] for row in rows] == ["country_code_missing", "total_orders_negative"]


def test_s3_refuses_what_the_form_does_not_allow(stack: Stack) -> None:
    form = create(stack, name="bound.parquet", as_of="row")
    assert send(form, b"PAR1", key="vouchers/other.parquet") == (403, "AccessDenied")
    assert send(form, b"PAR1", **{"x-amz-meta-as-of": "upload"}) == (403, "AccessDenied")
    assert send(form, b"PAR1", **{"x-amz-meta-columns": "country_code=x"}) == (403, "AccessDenied")
    assert send(form, b"") == (400, "EntityTooSmall")


@pytest.mark.parametrize(
    ("origin", "allowed"), [("http://localhost:5000", True), ("https://elsewhere.example", False)]
)
def test_the_bucket_answers_preflights_of_the_page_only(stack: Stack, origin: str, *, allowed: bool) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = HTTP.request("OPTIONS", create(stack, name="a.parquet")["url"], headers=headers)
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert (answer.status == 200) is allowed
