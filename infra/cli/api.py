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

from infra.cli.errors import CommandError
from infra.cli.target import deployed, is_local, ports
from infra.local.gateway import Target, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from infra.cli.target import Deployed

SECONDS = 60


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
        raise CommandError(f"{url} is not this API: it answered {response.status_code} with something else")
    if response.status_code != HTTPStatus.OK:
        message = answer.get("message") or answer.get("Message") or response.status_code
        raise CommandError(f"The API refused: {message}")
    return answer
