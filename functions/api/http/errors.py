"""Errors, and their answers: problem details (RFC 9457) under /v1, one sentence elsewhere."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response
from botocore.exceptions import ClientError

from api.http.responses import JSON
from vouchers.dynamodb.aws import NO_ANSWER, RETRYABLE_CODES, error_codes
from vouchers.text import listed, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_LISTED_COUNTRIES = 20
PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE = "urn:problem-type:voucher-selector:"


class ApiError(Exception):
    """An error that has an answer of its own; the message says what was wrong and what to do.

    Attributes:
        status: the HTTP status.
        kind: the last part of the problem type; stable.
        title: describes every problem of the kind.
        field: the field of the request that was wrong, if it was one.
        headers: header fields of the answer.
    """

    status: ClassVar = HTTPStatus.BAD_REQUEST
    kind: ClassVar = "invalid-request"
    title: ClassVar = "The request is not valid"

    def __init__(self, message: str, field: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.field = field
        self.headers = headers


class RequestError(ApiError):
    """The request is not valid."""


class BodyTooLargeError(RequestError):
    """The body exceeds the limit of its route."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "body-too-large"
    title = "The body is too large"


class UnknownCountryError(RequestError):
    """The country has no counts."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-country"
    title = "The country has no counts"

    def __init__(self, country: str, known: Sequence[str]) -> None:
        hint = (
            f"use one of: {listed(known, MAX_LISTED_COUNTRIES)}" if known else "nothing has been counted yet"
        )
        super().__init__(f"there are no counts for {format_value(country)}; {hint}")


class UnknownSourceError(RequestError):
    """No object with the key was ingested, or its deletion has been forgotten."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-source"
    title = "The source is unknown"

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no source {format_value(key)}; GET /v1/sources lists the sources")


class UnknownRouteError(RequestError):
    """No route has the path."""

    status = HTTPStatus.NOT_FOUND
    kind = "unknown-route"
    title = "The route is unknown"

    def __init__(self, path: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no route {truncate(path)}; use one of: {', '.join(known)}")


class MethodError(RequestError):
    """The route does not accept the method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    kind = "method-not-allowed"
    title = "The route does not accept the method"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"this route does not accept {truncate(method)}; use {allowed}", Allow=allowed)


class UnavailableError(ApiError):
    """DynamoDB did not answer, or throttled the reads."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "unavailable"
    title = "The tables cannot be read at the moment"

    def __init__(self) -> None:
        super().__init__("the tables cannot be read at the moment; try again shortly", **{"Retry-After": "1"})


class InternalError(ApiError):
    """Every other error."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "failure"
    title = "The request failed on our side"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"the request failed on our side; report the request id {request_id}")


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


def api_error(error: Exception, request_id: str) -> ApiError:
    """Return the error to answer: ``error`` itself, a 503 if a later request may succeed, or a 500."""
    if isinstance(error, ApiError):
        return error
    retryable = isinstance(error, NO_ANSWER)
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or bool(error_codes(error) & RETRYABLE_CODES)
    return UnavailableError() if retryable else InternalError(request_id)


def problem(error: ApiError, request_id: str) -> Problem:
    """Return an error as problem details."""
    sentence, kind = str(error), PROBLEM_TYPE + error.kind
    return Problem(kind, error.title, int(error.status), sentence, sentence, request_id, error.field)


def error_response(error: Exception, path: str, request_id: str) -> Response[str]:
    """Return the answer to a request for ``path`` that raised ``error``."""
    answered = api_error(error, request_id)
    in_v1 = path.startswith("/v1/")
    body = problem(answered, request_id) if in_v1 else Message(str(answered))
    text = msgspec.json.encode(body).decode()
    return Response(answered.status, PROBLEM_JSON if in_v1 else JSON, text, dict(answered.headers))


def format_value(value: object) -> str:
    """Return a JSON value of a request as an error message shows it."""
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return truncate(json.dumps(value, ensure_ascii=False))
