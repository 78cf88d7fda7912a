"""The local gateway passes requests and responses on unchanged."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, cast

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import UnauthorizedSSOTokenError

from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.emulator import REGION
from voucher_selector.local_stack.gateway import MAX_BODY, Target, gateway
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.template import METHODS

if TYPE_CHECKING:
    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def caller(probed: Stack) -> Credentials:
    """A user who may call the API; the emulator checks signatures of users, but not of the account."""
    iam = session().client("iam", endpoint_url=probed.endpoint)
    iam.create_user(UserName="caller")
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="caller", PolicyName="call", PolicyDocument=policy)
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_the_body_of_a_get_reaches_the_function(probed: Stack) -> None:
    _, body = ask(probed.url, "GET", "/voucher_amount", b'{"customer_id": 123}')
    assert json.loads(body)["body"] == '{"customer_id": 123}'


def test_path_and_query_reach_the_function_as_they_were_sent(probed: Stack) -> None:
    _, body = ask(probed.url, "GET", "/v1/a%20b/%C3%A9?country=C%C3%B4te%20d%27Ivoire&x=1&x=2")
    seen = json.loads(body)
    assert seen["path"] == "/v1/a b/é"
    assert seen["query"] == {"country": ["Côte d'Ivoire"], "x": ["1", "2"]}


@pytest.mark.parametrize("method", [method for method in METHODS if method != "HEAD"])
@pytest.mark.parametrize("path", ["/", "/deep/down"])
def test_every_method_reaches_the_function_on_every_path(probed: Stack, method: str, path: str) -> None:
    _, body = ask(probed.url, method, path)
    assert json.loads(body)["method"] == method
    assert json.loads(body)["path"] == path


def test_status_and_headers_of_the_answer_come_back(probed: Stack) -> None:
    response, _ = ask(probed.url, "POST", "/", b"{}")
    assert response.status == HTTPStatus.IM_A_TEAPOT
    assert response.headers["X-Shown"] == "yes"
    assert response.headers.get_all("Content-Type") == ["application/json"]


def test_an_answer_to_head_has_no_body(probed: Stack) -> None:
    response, body = ask(probed.url, "HEAD", "/")
    assert response.status == HTTPStatus.IM_A_TEAPOT
    assert body == b""


def test_a_connection_serves_many_requests(probed: Stack) -> None:
    connection = HTTPConnection(probed.url.removeprefix("http://"), timeout=30)
    paths = ["/1", "/2", "/3"]
    seen = []
    for path in paths:
        connection.request("POST", path, b"{}")
        seen.append(json.loads(connection.getresponse().read())["path"])
    connection.close()
    assert seen == paths


def test_the_api_refuses_who_comes_past_the_gateway_without_a_signature(probed: Stack) -> None:
    host, _, stage = probed.outputs["ApiUrl"].removeprefix("http://").partition("/")
    response, _ = ask(f"http://{host}", "GET", f"/{stage}/health")
    assert response.status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "path", ["/", "/v1/counts?segment=b&country=C%C3%B4te%20d%27Ivoire&x=", "/a%20b/%C3%A9//c"]
)
def test_the_api_takes_the_signature_of_who_may_call_it(
    probed: Stack, caller: Credentials, path: str
) -> None:
    with gateway(free_port(), Target(probed.outputs["ApiUrl"], REGION, caller)) as url:
        response, _ = ask(url, "GET", path, b'{"signed": "not by me"}', Accept="*/*")
    assert response.status == HTTPStatus.IM_A_TEAPOT


def test_the_api_refuses_a_wrong_signature(probed: Stack, caller: Credentials) -> None:
    forged = Credentials(caller.access_key, "guessed")
    with gateway(free_port(), Target(probed.outputs["ApiUrl"], REGION, forged)) as url:
        response, _ = ask(url, "GET", "/health")
    assert response.status == HTTPStatus.FORBIDDEN


def test_a_request_in_the_name_of_another_host_is_refused(probed: Stack) -> None:
    response, _ = ask(probed.url, "GET", "/health", Host="rebound.example")
    assert response.status == HTTPStatus.FORBIDDEN


def test_a_body_larger_than_the_api_takes_is_refused(probed: Stack) -> None:
    response, body = ask(probed.url, "POST", "/", b"", **{"Content-Length": str(MAX_BODY + 1)})
    assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "has at most" in json.loads(body)["message"]


def test_a_deleted_api_is_reported_as_deleted() -> None:
    target = Target(f"http://127.0.0.1:{free_port()}/live", REGION, Credentials("test", "test"))
    with gateway(free_port(), target) as url:
        response, body = ask(url, "GET", "/health")
    assert response.status == HTTPStatus.BAD_GATEWAY
    assert json.loads(body) == {"message": f"The API at {target.url} does not answer"}


class Expired:
    """Expired credentials: botocore raises when they are read."""

    @property
    def access_key(self) -> str:
        raise UnauthorizedSSOTokenError

    secret_key = token = access_key


def test_expired_credentials_are_reported_as_expired() -> None:
    target = Target(f"http://127.0.0.1:{free_port()}/live", REGION, cast("Credentials", Expired()))
    with gateway(free_port(), target) as url:
        response, body = ask(url, "GET", "/health")
    assert response.status == HTTPStatus.BAD_GATEWAY
    assert "Sign in to AWS again" in json.loads(body)["message"]
