"""Errors as answers: problem details (RFC 9457) for /v1, one sentence for what was there before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.responses import JSON, Message, to_json

if TYPE_CHECKING:
    from api.http.errors import ErrorResponse

PROBLEM_JSON = "application/problem+json"
KIND = "urn:problem-type:voucher-selector:"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there is no other answer, by RFC 9457.

    Attributes:
        type: the kind of problem; it never changes.
        title: what all problems of the kind have in common.
        status: HTTP's status.
        detail: what was wrong with this request, and what to do, in one sentence.
        message: the same sentence, where older clients look for it.
        request_id: what to look for in the log.
        field: the field of the request that was wrong, if it was one.
    """

    type: str
    title: str
    status: int
    detail: str
    message: str
    request_id: str
    field: str | None = None


def problem(trouble: ErrorResponse, request_id: str) -> Problem:
    """Return a trouble as problem details."""
    return Problem(
        KIND + trouble.kind,
        trouble.title,
        int(trouble.status),
        trouble.sentence,
        trouble.sentence,
        request_id,
        trouble.field,
    )


def answer(trouble: ErrorResponse, path: str, request_id: str) -> Response[str]:
    """Return the answer to a request for ``path`` that has no other."""
    in_v1 = path.startswith("/v1/")
    body = problem(trouble, request_id) if in_v1 else Message(trouble.sentence)
    headers = dict(trouble.headers)
    return Response(trouble.status, PROBLEM_JSON if in_v1 else JSON, to_json(body), headers)
