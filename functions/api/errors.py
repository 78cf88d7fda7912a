"""What can go wrong with a request, and the one place where that becomes an HTTP answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import botocore.exceptions
from aws_lambda_powertools.event_handler.api_gateway import Response

from api.echo import clipped, shown
from api.responses import JSON, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LISTED_COUNTRIES = 20
"""How many countries a message lists."""

THROTTLED = {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}

UNANSWERED = (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)
"""What botocore raises where a call had no answer."""


class RequestError(Exception):
    """The request cannot be answered as it is; the message says why and what to do."""

    status = HTTPStatus.BAD_REQUEST


class BodyTooLargeError(RequestError):
    """The body is larger than is read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnknownCountryError(RequestError):
    """Nothing is counted for the country."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, country: str, known: Sequence[str]) -> None:
        there_are = f"there are: {_listed(known)}" if known else "nothing has been counted yet"
        super().__init__(f"there are no counts for {shown(country)}; {there_are}")


class UnknownRouteError(RequestError):
    """No route has the path."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, path: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no route {clipped(path)}; there are: {', '.join(known)}")


class MethodError(RequestError):
    """The route exists but does not take the method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"this route does not take {method}; it takes {allowed}")
        self.allowed = allowed


def refused(error: RequestError) -> Response[Message]:
    """Return the answer to a request that cannot be answered as it is."""
    headers = {"Allow": error.allowed} if isinstance(error, MethodError) else {}
    return Response(error.status, JSON, Message(str(error)), headers)


def failed(error: Exception, request_id: str) -> Response[Message]:
    """Return the answer to a request that was not at fault: 503 where a repetition may help, else 500."""
    if _is_passing(error):
        sentence = "the counts cannot be read at the moment; try again shortly"
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, JSON, Message(sentence), {"Retry-After": "1"})
    sentence = f"the request failed on our side; report it with its id, {request_id}"
    return Response(HTTPStatus.INTERNAL_SERVER_ERROR, JSON, Message(sentence))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED_COUNTRIES
    listed = ", ".join(clipped(name) for name in names[:LISTED_COUNTRIES])
    return f"{listed} and {more} more" if more > 0 else listed


def _is_passing(error: Exception) -> bool:
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"].get("Code") in THROTTLED or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, UNANSWERED)
