from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import dependencies
from api.http.errors import UncountedNameError
from api.routes import static_page, uploads
from tests.support.api_gateway import Answer, call, rest_event
from vouchers.keys import is_key, is_upload

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.disable_socket


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Uploads are on, to a bucket in eu-central-1."""
    variables = {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-central-1",
        "PAGE_UPLOADS_BUCKET": "ours", "UPLOADS_PREFIX": "crm/vouchers/",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    dependencies.s3_client.cache_clear()
    yield
    dependencies.s3_client.cache_clear()


def create(**fields: Any) -> Answer:
    return call(rest_event("POST", "/v1/uploads", body=json.dumps(fields)))


def policy(answer: Answer) -> list[Any]:
    conditions: list[Any] = json.loads(base64.b64decode(answer.json["fields"]["policy"]))["conditions"]
    return conditions


@pytest.mark.usefixtures("on")
def test_the_policy_binds_key_size_and_metadata_of_the_file() -> None:
    answer = create(name="2018/may.parquet", as_of="2018-08-05", column_names="country_code=country")
    assert answer.status == 200
    assert answer.json["url"] == "https://ours.s3.eu-central-1.amazonaws.com/"
    assert answer.json["source"] == "crm/vouchers/2018/may.parquet"
    conditions = policy(answer)
    assert ["content-length-range", 1, answer.json["max_bytes"]] in conditions
    bound = {name: value for c in conditions if isinstance(c, dict) for name, value in c.items()}
    assert bound["key"] == "crm/vouchers/2018/may.parquet"
    assert bound["bucket"] == "ours"
    assert bound["x-amz-meta-as-of"] == "2018-08-05"
    assert bound["x-amz-meta-columns"] == "country_code=country"
    # S3 refuses a form with a field that the policy does not name.
    assert {*answer.json["fields"]} == {*bound, "policy", "x-amz-signature"} - {"bucket"}


@pytest.mark.usefixtures("on")
def test_an_upload_may_start_for_fifteen_minutes() -> None:
    answer = create(name="may.parquet")
    expires = datetime.fromisoformat(answer.json["expires_at"])
    assert timedelta(minutes=14) < expires - datetime.now(UTC) <= timedelta(minutes=15)
    signed = json.loads(base64.b64decode(answer.json["fields"]["policy"]))["expiration"]
    assert abs(datetime.fromisoformat(signed) - expires) < timedelta(minutes=1)


def test_uploads_are_off_unless_there_is_a_bucket() -> None:
    answer = create(name="may.parquet")
    assert answer.status == 404
    assert "uploads from the page are off; set the stack parameter PageUploads to true" in answer.message


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize(
    ("status", "field", "value", "message"),
    [
        (400, "name", " ", "name must be a file's name"),
        (400, "name", "x" * 1_025, "name must be a file's name"),
        (400, "as_of", "soon", "as_of must be a date or a time such as"),
        (400, "column_names", "country_code=país", "column_names must be printable ASCII"),
        (400, "column_names", "x" * 2_000, "column_names must be printable ASCII"),
        (409, "name", "2018/", "would not be counted, because it is not the name of a file"),
        (409, "name", "${filename}", "would not be counted, because it is not the name of a file"),
        (409, "name", "_temporary/may.parquet", "would not be counted, because a name in it begins with"),
        (409, "name", "a\nb", "has characters that cannot be printed"),
        (409, "name", "x" * 1_024, "it is too long"),
        (409, "as_of", "2999-01-01", "is in the future"),
    ],
)
def test_a_wrong_field_is_named_in_one_sentence(status: int, field: str, value: str, message: str) -> None:
    answer = create(**{"name": "may.parquet", field: value})
    assert answer.status == status
    assert message in answer.message
    assert answer.problem["field"] == field


@given(
    st.text(max_size=40)
    | st.sampled_from(["vouchers/a", "a/_b", ".a", "a/.b=1/c", "/a", "a//b", "é.parquet"])
)
def test_every_key_is_one_that_the_ingest_function_counts(name: str) -> None:
    try:
        key = uploads.key_of(name)
    except UncountedNameError:
        return
    assert is_upload(key)
    assert is_key(key)


@pytest.mark.usefixtures("on")
def test_the_page_may_connect_to_the_bucket_only_where_uploads_are_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = call(rest_event(path="/"))
    allowed = "connect-src 'self' https://ours.s3.eu-central-1.amazonaws.com/; "
    assert allowed in page.headers["Content-Security-Policy"]
    assert f'data-prefix="crm/vouchers/" data-max-upload="{uploads.MAX_UPLOAD_BYTES}"' in page.body
    monkeypatch.delenv("PAGE_UPLOADS_BUCKET")
    page = call(rest_event(path="/"))
    assert "connect-src 'self'; " in page.headers["Content-Security-Policy"]
    assert 'data-max-upload=""' in page.body
    script = call(rest_event(path="/static/page.js"))
    assert script.headers["Content-Security-Policy"] == static_page.POLICY.format(bucket="")
