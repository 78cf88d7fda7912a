"""Requests to the API: through the local gateway, or signed for a stack elsewhere.

They raise CommandError if the API refuses, and botocore's HTTPClientError if it does not answer.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session

from voucher_selector.errors import CommandError, Exit
from voucher_selector.local_stack.emulator import REGION
from voucher_selector.local_stack.signing import Target, sign
from voucher_selector.stack import find_stack, is_local, log_place, ports

TIMEOUT = 60

EXIT_CODES: dict[int, Exit] = {
    HTTPStatus.BAD_REQUEST: Exit.USAGE,
    HTTPStatus.CONFLICT: Exit.USAGE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Exit.USAGE,
    HTTPStatus.NOT_FOUND: Exit.NO,
}
"""Exit code by status; all other errors are the stack's."""


def find_api() -> Target:
    """Return the API of the stack that the environment names.

    Raises:
        CommandError: if there is no such stack.
        botocore.exceptions.BotoCoreError: if nothing answers, or credentials are missing.
    """
    if is_local():
        return Target(f"http://localhost:{ports().api}")
    stack = find_stack()
    credentials = stack.session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return Target(stack.api_url, stack.session.region_name or REGION, credentials)


def fetch_counts(api: Target, country: str, segment: str | None = None) -> dict[str, Any]:
    """Return the response of GET /v1/counts, for one segment or all."""
    query = {"country": country} | ({"segment": segment} if segment else {})
    return call(api, "GET", f"/v1/counts?{urlencode(query)}")


def fetch_selection(api: Target, customer: Mapping[str, object]) -> dict[str, Any]:
    """Return the selection of POST /v1/selections for one customer, given as fields of /voucher_amount."""
    customers = {"customers": [customer]}
    selection: dict[str, Any] = call(api, "POST", "/v1/selections", customers)["selections"][0]
    if error := selection.get("error"):
        raise _refusal(error, error["status"])
    return selection


def call(api: Target, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Send a request with a JSON body, and return the JSON object of the response."""
    data = json.dumps(body).encode() if body is not None else b""
    request = sign(api, method, path, {"Content-Type": "application/json"}, data)
    proxies: dict[str, str] | None = {} if api.url.startswith("http:") else None
    response = URLLib3Session(proxies=proxies, timeout=TIMEOUT).send(request)
    try:
        document = json.loads(response.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        advice = "Set PORT to the API's port" if is_local() else "Check AWS_ENDPOINT_URL"
        problem = f"{api.url} is not this API: it sent no JSON object, with status {response.status_code}"
        raise CommandError(f"{problem}. {advice}", Exit.STACK)
    if response.status_code != HTTPStatus.OK:
        raise _refusal(document, response.status_code)
    return document


def _refusal(document: Mapping[str, Any], status: int) -> CommandError:
    message = document.get("message") or document.get("Message") or status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CommandError(f"The API failed: {message}. See the log: {log_place()}", Exit.STACK)
    return CommandError(f"The API refused: {message}", EXIT_CODES.get(status, Exit.STACK))
