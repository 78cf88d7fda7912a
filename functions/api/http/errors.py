"""What can go wrong with a request."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import botocore.exceptions

from api.http.format_value import format_value
from vouchers.text import listed, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LISTED_COUNTRIES = 20
"""How many countries a message lists."""

THROTTLED = {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}

UNANSWERED = (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)
"""What botocore raises where a call had no answer."""


class ErrorResponse(NamedTuple):
    """An error as it is answered.

    Attributes:
        status: HTTP's.
        kind: the name of the kind of problem, which never changes.
        title: what all problems of the kind have in common.
        sentence: what was wrong with this request, and what to do.
        headers: what the answer's header says besides.
        field: the field of the request that was wrong, if it was one.
    """

    status: HTTPStatus
    kind: str
    title: str
    sentence: str
    headers: Mapping[str, str]
    field: str | None = None


class RequestError(Exception):
    """The request cannot be answered as it is; the message says why and what to do."""

    status: ClassVar = HTTPStatus.BAD_REQUEST
    kind: ClassVar = "invalid-request"
    title: ClassVar = "The request is not valid"

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer's header says besides."""
        return {}


class BodyTooLargeError(RequestError):
    """The body is larger than is read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "body-too-large"
    title = "The body is too large"


class UnknownCountryError(RequestError):
    """Nothing is counted for the country."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-country"
    title = "Nothing is counted for the country"

    def __init__(self, country: str, known: Sequence[str]) -> None:
        there_are = (
            f"there are: {listed(known, LISTED_COUNTRIES)}" if known else "nothing has been counted yet"
        )
        super().__init__(f"there are no counts for {format_value(country)}; {there_are}")


class UnknownSourceError(RequestError):
    """No object with the key was ever ingested, or it is long forgotten."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-source"
    title = "No such source is known"

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no source {format_value(key)}; GET /v1/sources lists those there are")


class UnknownRouteError(RequestError):
    """No route has the path."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-route"
    title = "There is no such route"

    def __init__(self, path: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no route {truncate(path)}; there are: {', '.join(known)}")


class MethodError(RequestError):
    """The route exists but does not take the method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    kind = "method-not-allowed"
    title = "The route does not take the method"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"this route does not take {truncate(method)}; it takes {allowed}")
        self.allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        """Which methods the route takes."""
        return {"Allow": self.allowed}


class UnreadError(Exception):
    """DynamoDB left counts unread, however often it was asked: it has too much to do."""


KINDS = (
    RequestError,
    BodyTooLargeError,
    UnknownCountryError,
    UnknownSourceError,
    UnknownRouteError,
    MethodError,
)
"""All kinds of errors that a request is to blame for."""


def error_response(error: Exception, request_id: str) -> ErrorResponse:
    """Return how an error is answered; unless a request is to blame: 503 for what may pass, else 500."""
    if isinstance(error, RequestError):
        return ErrorResponse(error.status, error.kind, error.title, str(error), error.headers, error.field)
    if _is_passing(error):
        return ErrorResponse(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "unavailable",
            "The counts cannot be read at the moment",
            "the counts cannot be read at the moment; try again shortly",
            {"Retry-After": "1"},
        )
    return ErrorResponse(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "failure",
        "The request failed on our side",
        f"the request failed on our side; report it with its id, {request_id}",
        {},
    )


def _is_passing(error: Exception) -> bool:
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"].get("Code") in THROTTLED or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, (UnreadError, *UNANSWERED))
