"""The local gateway passes requests and responses on unchanged."""

from __future__ import annotations

import gzip
import json
import re
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, cast

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import UnauthorizedSSOTokenError

from tests.e2e.place import create_caller
from voucher_selector.local_stack.emulator import REGION
from voucher_selector.local_stack.gateway import MAX_BODY, gateway
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.signing import Target
from voucher_selector.local_stack.template import METHODS

if TYPE_CHECKING:
    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def caller(probed: Stack) -> Credentials:
    return create_caller(probed.endpoint)


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


def test_a_path_with_a_line_end_reaches_the_function(probed: Stack) -> None:
    _, body = ask(probed.url, "GET", "/v1/sources/a%0Ab")
    assert json.loads(body)["path"] == "/v1/sources/a\nb"


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
    assert response.headers["Content-Length"] is None
    assert body == b""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_link_to_the_next_page_has_the_address_that_was_typed(probed: Stack, host: str) -> None:
    typed = f"{host}:{probed.url.rpartition(':')[2]}"
    response, _ = ask(probed.url, "GET", "/v1/sources?limit=1", Host=typed)
    assert response.headers["Link"] == f'<http://{typed}/v1/sources?cursor=next>; rel="next"'


def test_a_chunked_body_reaches_the_function(probed: Stack) -> None:
    connection = HTTPConnection(probed.url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/", iter([b'{"a":', b" 1}"]), encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == '{"a": 1}'


def test_large_answers_are_compressed_for_clients_that_accept_it(probed: Stack) -> None:
    sent = json.dumps({"long": "x" * 2000}).encode()
    response, body = ask(probed.url, "POST", "/", sent, **{"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["body"] == sent.decode()
    response, body = ask(probed.url, "POST", "/", sent)
    assert response.headers["Content-Encoding"] is None
    assert json.loads(body)["body"] == sent.decode()


def test_pages_of_an_allowed_origin_may_call_the_api(probed: Stack) -> None:
    target = Target(probed.outputs["ApiUrl"], REGION, Credentials("test", "test"))
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    with gateway(free_port(), target, "http://localhost:5173") as url:
        for origin, allowed in (("http://localhost:5173", True), ("http://localhost:5174", False)):
            response, _ = ask(url, "OPTIONS", "/v1/selections", b"", Origin=origin, **preflight)
            assert (response.headers["Access-Control-Allow-Origin"] == origin) is allowed
            response, _ = ask(url, "POST", "/v1/selections", b"{}", Origin=origin)
            assert (response.headers["Access-Control-Allow-Origin"] == origin) is allowed
            assert response.status == HTTPStatus.IM_A_TEAPOT


def test_no_other_origin_may_call_the_api_by_default(probed: Stack) -> None:
    response, _ = ask(probed.url, "POST", "/", b"{}", Origin="http://localhost:5173")
    assert response.headers["Access-Control-Allow-Origin"] is None


def test_the_reference_of_the_api_is_served_without_the_internet(probed: Stack) -> None:
    page, text = ask(probed.url, "GET", "/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert re.findall(r'src="([^"]*)"', text.decode()) == ["docs/scalar.js"]
    script, content = ask(probed.url, "GET", "/docs/scalar.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert len(content) > 1_000_000


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


def test_a_chunked_body_larger_than_the_api_takes_is_refused(probed: Stack) -> None:
    connection = HTTPConnection(probed.url.removeprefix("http://"), timeout=30)
    with suppress(ConnectionError):  # the gateway closes the connection before it has read everything
        connection.request("POST", "/", iter([b"x" * (MAX_BODY + 1)]), encode_chunked=True)
    assert connection.getresponse().status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


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
