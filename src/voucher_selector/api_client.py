"""Calls to the API: through the gateway on this machine, or signed to where the stack is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session

from voucher_selector.errors import CommandError, Exit
from voucher_selector.local_stack.gateway import Target, sign
from voucher_selector.stack import deployed, is_local, logs, ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from voucher_selector.stack import Deployed

SECONDS = 60

CODES: dict[int, Exit] = {
    HTTPStatus.BAD_REQUEST: Exit.USAGE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Exit.USAGE,
    HTTPStatus.NOT_FOUND: Exit.NO,
}
"""By an answer's status, whose fault it is; of all others it is the stack's."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API answers, and by whom requests are signed; the local gateway signs them itself."""

    url: str
    signed: Target | None = None


def api() -> Api:
    """Return the API of the stack that the environment means.

    Raises:
        CommandError: if there is no such stack.
        botocore.exceptions.BotoCoreError: if nothing answers, or credentials are missing.
    """
    return Api(f"http://localhost:{ports().api}") if is_local() else _signed(deployed())


def counts(of: Api, country: str, segment: str | None = None) -> dict[str, Any]:
    """Return the counts of a country, of one segment or of all.

    Raises:
        CommandError: what the API said, if it refused.
        botocore.exceptions.HTTPClientError: if it does not answer.
    """
    query = {"country": country} | ({"segment": segment} if segment else {})
    return call(of, "GET", f"/v1/counts?{urlencode(query)}")


def selection(of: Api, customer: Mapping[str, object]) -> dict[str, Any]:
    """Return which amounts to give a customer, and why.

    Args:
        of: the API.
        customer: the fields of /voucher_amount.

    Raises:
        CommandError: what the API said, if it refused.
        botocore.exceptions.HTTPClientError: if it does not answer.
    """
    answer: dict[str, Any] = call(of, "POST", "/v1/selections", {"customers": [customer]})["selections"][0]
    if error := answer.get("error"):
        raise _refusal(error, error["status"])
    return answer


def call(of: Api, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Return what the API answers to a request, which it reads as JSON.

    Raises:
        CommandError: what the API said, if it refused.
        botocore.exceptions.HTTPClientError: if it does not answer.
    """
    data = json.dumps(body).encode() if body is not None else b""
    proxies: dict[str, str] | None = {} if of.url.startswith("http:") else None
    response = URLLib3Session(proxies=proxies, timeout=SECONDS).send(_request(of, method, path, data))
    return _answer(response, of.url)


def _signed(stack: Deployed) -> Api:
    credentials = stack.session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    region = stack.session.region_name or "us-east-1"
    return Api(stack.api_url, Target(stack.api_url, region, credentials))


def _request(of: Api, method: str, path: str, data: bytes) -> AWSPreparedRequest:
    headers = {"Content-Type": "application/json"}
    if of.signed:
        return sign(of.signed, method, path, headers, data)
    return AWSRequest(method, of.url + path, headers=headers, data=data).prepare()


def _answer(response: AWSResponse, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        said = f"{url} is not this API: it answered {response.status_code} with something else"
        raise CommandError(f"{said}; {_where_else()}", Exit.STACK)
    if response.status_code != HTTPStatus.OK:
        raise _refusal(answer, response.status_code)
    return answer


def _where_else() -> str:
    return (
        "name the API's port by PORT"
        if is_local()
        else "see whether AWS_ENDPOINT_URL names where the stack is"
    )


def _refusal(answer: Mapping[str, Any], status: int) -> CommandError:
    message = answer.get("message") or answer.get("Message") or status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CommandError(f"The API failed: {message}; what it did is in {logs()}", Exit.STACK)
    return CommandError(f"The API refused: {message}", CODES.get(status, Exit.STACK))
