"""What surrounds every route: errors become answers, and a request leaves one log line and one metric."""

from __future__ import annotations

import os
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from api.http import problems
from api.http.caching import conditional
from api.http.errors import UNANSWERED, RequestError, UnknownRouteError, error_response
from api.http.routing import route_of
from vouchers.text import truncate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response
    from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

    from api.cached_table import CachedSegmentsTable

REQUEST_ID = "X-Request-Id"

logger = Logger(location=None)


def request_middleware(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Answer a request whatever happens, and observe it."""
    started = perf_counter()
    response, error = _answer(app, next_middleware)
    response = conditional(app.current_event, response)
    if app.current_event.http_method == "HEAD":
        response.body = ""
    response.headers[REQUEST_ID] = request_id(app)
    admit(response)
    age = _age(app)
    if age is not None:
        response.headers["Age"] = str(age)
    _observe(app, response.status_code, error, milliseconds=1000 * (perf_counter() - started))
    return response


def request_id(app: APIGatewayRestResolver) -> str:
    """Return the id that the request has in answers and log lines: Lambda's own."""
    return app.lambda_context.aws_request_id


def note(app: APIGatewayRestResolver, **asked: object) -> None:
    """Add what was asked for to the request's log line; what is no text and no number is left out."""
    app.context["asked"] = {
        name: truncate(value) if isinstance(value, str) else value
        for name, value in asked.items()
        if isinstance(value, str | int)
    }


def reads_from(app: APIGatewayRestResolver, counts: CachedSegmentsTable) -> None:
    """Have the answer and the log line tell how old the counts are, where they come from memory."""
    app.context["counts"] = counts


def _age(app: APIGatewayRestResolver) -> int | None:
    counts: CachedSegmentsTable | None = app.context.get("counts")
    return None if counts is None or counts.age is None else int(counts.age)


def _answer(
    app: APIGatewayRestResolver, next_middleware: NextMiddleware
) -> tuple[Response[Any], Exception | None]:
    try:
        return next_middleware(app), None
    except Exception as error:  # noqa: BLE001 (the last resort: whatever it is, the caller gets an answer)
        named = request_id(app)
        return problems.answer(error_response(error, named), app.current_event.path, named), error


def _observe(
    app: APIGatewayRestResolver, status: int, error: Exception | None, *, milliseconds: float
) -> None:
    method, path = app.current_event.http_method, app.current_event.path
    # The paths that callers make up would each be a metric of its own.
    route = "unknown" if isinstance(error, UnknownRouteError) else route_of(app)
    age = _age(app)
    facts = {
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": round(milliseconds, 3),
        "request_id": request_id(app),
        **({} if age is None else {"age": age}),
        **app.context.get("asked", {}),
    }
    sentence = f"{method} {truncate(path)} {status}"
    if error is None or isinstance(error, RequestError):
        logger.info(sentence, extra=facts)
    elif isinstance(error, UNANSWERED):
        # Where in botocore it happened says nothing, what does not answer says all.
        logger.error(sentence, extra=facts | {"reason": str(error)})
    else:
        logger.error(sentence, extra=facts, exc_info=error)
    _measure(route, milliseconds)


def _measure(route: str, milliseconds: float) -> None:
    metrics = function_metrics()
    metrics.add_dimension("route", route)
    metrics.add_metric("RequestDuration", MetricUnit.Milliseconds, milliseconds)
    metrics.flush_metrics()


@cache
def function_metrics() -> Metrics:
    """Return the process's metrics, in the namespace that the environment names."""
    return Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "VoucherSelector")


EXPOSED = "Age, Content-Disposition, ETag, Link, Retry-After, X-Request-Id"
ACCEPTED = (
    "Accept, Authorization, Content-Type, If-None-Match, "
    "X-Amz-Content-Sha256, X-Amz-Date, X-Amz-Security-Token"
)
SECONDS = "600"
"""For how long a browser may remember what it was told."""


def admit(response: Response[Any]) -> None:
    """Have the answer tell browsers that pages of another origin may read it, if the stack names one."""
    allowed = origin()
    if not allowed:
        return
    response.headers["Access-Control-Allow-Origin"] = allowed
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if methods := response.headers.get("Allow"):
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = ACCEPTED
        response.headers["Access-Control-Max-Age"] = SECONDS


@cache
def origin() -> str:
    """Return the origin whose pages may ask, or ``*`` for all; empty where none may."""
    return os.environ.get("CORS_ORIGIN", "").strip()
