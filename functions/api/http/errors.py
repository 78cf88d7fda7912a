"""Errors, and their answers: problem details (RFC 9457) under /v1, one sentence elsewhere."""

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response
from botocore.exceptions import ClientError

from api.http.responses import JSON
from vouchers.dynamodb.aws import NO_ANSWER, RETRYABLE_CODES, error_codes
from vouchers.text import list_names, truncate

MAX_LISTED_COUNTRIES = 20
PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE = "urn:problem-type:voucher-selector:"


class ApiError(Exception):
    """An error that has an answer of its own; the message says what was wrong and what to do.

    A subclass names its status and its kind; the first line of its docstring is its title.

    Attributes:
        status: the HTTP status.
        kind: the last part of the problem type; stable.
        title: describes every problem of the kind.
        field: the field of the request that was wrong, if it was one.
        headers: header fields of the answer.
    """

    status: int
    kind: str
    title: str

    def __init_subclass__(cls, *, status: int, kind: str) -> None:  # noqa: D105 - the class describes it
        cls.status, cls.kind = status, kind
        cls.title = str(cls.__doc__).partition("\n")[0].rstrip(".")

    def __init__(self, message: str, field: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.field = field
        self.headers = headers


class RequestError(ApiError, status=400, kind="invalid-request"):
    """The request is not valid."""


class ConflictingFieldsError(RequestError, status=409, kind="conflicting-fields"):
    """The fields do not fit together.

    Each of them is valid, but not beside the others, or not at this time.
    """


class UnknownPageError(RequestError, status=404, kind="unknown-page"):
    """The cursor leads to no page."""


class BodyTooLargeError(RequestError, status=413, kind="body-too-large"):
    """The body is too large."""


class UnknownCountryError(RequestError, status=404, kind="unknown-country"):
    """The country has no counts."""

    def __init__(self, country: str, known: Sequence[str]) -> None:
        hint = (
            f"use one of: {list_names(known, MAX_LISTED_COUNTRIES)}"
            if known
            else "nothing has been counted yet"
        )
        super().__init__(f"there are no counts for {format_value(country)}; {hint}")


class UnknownSourceError(RequestError, status=404, kind="unknown-source"):
    """The source is unknown.

    No object with the key was ingested, or its deletion has been forgotten.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no source {format_value(key)}; GET /v1/sources lists the sources")


class UncountedNameError(RequestError, status=409, kind="uncounted-name"):
    """A file with the name would not be counted."""


class RowsNotKeptError(RequestError, status=404, kind="rows-not-kept"):
    """The rejected rows of the source are not kept for the API."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the rejected rows of {format_value(key)} are not kept for the API; use make rejected"
        )


class UploadsOffError(RequestError, status=404, kind="uploads-off"):
    """Uploads from the page are off."""

    def __init__(self) -> None:
        super().__init__(
            "uploads from the page are off; set the stack parameter PageUploads to true, or run make upload"
        )


class UnknownRouteError(RequestError, status=404, kind="unknown-route"):
    """The route is unknown."""

    def __init__(self, path: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no route {truncate(path)}; use one of: {', '.join(known)}")


class MethodError(RequestError, status=405, kind="method-not-allowed"):
    """The route does not accept the method."""


class UnavailableError(ApiError, status=503, kind="unavailable"):
    """The tables cannot be read at the moment.

    DynamoDB did not answer, or throttled the reads.
    """

    def __init__(self) -> None:
        super().__init__("the tables cannot be read at the moment; try again shortly", **{"Retry-After": "1"})


class InternalError(ApiError, status=500, kind="failure"):
    """The request failed on our side."""


class Message(msgspec.Struct, frozen=True):
    """What was wrong, and what to do, in one sentence."""

    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Problem details as defined by RFC 9457.

    Attributes:
        type: the kind of problem; stable.
        title: describes every problem of the kind.
        status: the HTTP status.
        detail: what was wrong with this request, and what to do, in one sentence.
        message: the same sentence, for older clients.
        request_id: the id of the request in the log.
        field: the field of the request that was wrong, if it was one.
    """

    type: str
    title: str
    status: int
    detail: str
    message: str
    request_id: str
    field: str | None = None


def problem(error: ApiError, request_id: str) -> Problem:
    """Return an error as problem details."""
    sentence, kind = str(error), PROBLEM_TYPE + error.kind
    return Problem(kind, error.title, error.status, sentence, sentence, request_id, error.field)


def error_response(error: Exception, path: str, request_id: str) -> Response[str]:
    """Return the answer to a request for ``path`` that raised ``error``.

    Errors other than ``ApiError`` are a 503 if a later request may succeed, or a 500.
    """
    if not isinstance(error, ApiError):
        retryable = isinstance(error, NO_ANSWER)
        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or bool(
                error_codes(error) & RETRYABLE_CODES
            )
        failure = InternalError(f"the request failed on our side; report the request id {request_id}")
        error = UnavailableError() if retryable else failure
    in_v1 = path.startswith("/v1/")
    body = problem(error, request_id) if in_v1 else Message(str(error))
    text = msgspec.json.encode(body).decode()
    return Response(error.status, PROBLEM_JSON if in_v1 else JSON, text, dict(error.headers))


def format_value(value: object) -> str:
    """Return a JSON value of a request as an error message shows it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return truncate(json.dumps(value, ensure_ascii=False))
