"""The middleware of every route: errors become answers; each request has one log line and one metric."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from logging import getLogger
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler.api_gateway import Response
from aws_lambda_powertools.metrics import MetricUnit

from api.http.errors import RequestError, UnknownRouteError, error_response
from api.http.responses import CACHE_CONTROL, revalidate
from api.http.routing import Router
from vouchers.dynamodb.aws import NO_ANSWER
from vouchers.text import truncate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

NO_STORE = "no-store"
"""The default: some caches ignore the body of a GET, so they would mix up requests for vouchers."""

EXPOSED_HEADERS = "Age, Content-Disposition, ETag, Link, Retry-After, X-Request-Id"
ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, If-None-Match, "
    "X-Amz-Content-Sha256, X-Amz-Date, X-Amz-Security-Token"
)
PREFLIGHT_MAX_AGE = "600"
"""Seconds for which a browser may store the answer to a preflight request."""

logger = Logger(location=None)
# Powertools itself would only take the level of Lambda, which is fixed in the template.
getLogger(logger.name).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL") or "INFO")


def request_middleware(router: Router, next_middleware: NextMiddleware) -> Response[Any]:
    """Answer a request even if its view raises; add the common headers; log and measure the request."""
    started, event = perf_counter(), router.current_event
    error: Exception | None = None
    try:
        if query := event["multiValueQueryStringParameters"]:
            refuse_repeated_parameters(query)
        response = next_middleware(router)
    except Exception as raised:  # noqa: BLE001 - every request gets an answer
        error = raised
        response = error_response(error, event.path, request_id(router))
    if response.headers.setdefault(CACHE_CONTROL, NO_STORE) != NO_STORE:
        response = revalidate(event, response)
    if event["httpMethod"] == "HEAD":
        response.body = ""
    response.headers["X-Request-Id"] = request_id(router)
    add_cors_headers(response)
    fields: dict[str, object] = {"status": response.status_code}
    age: float | None = getattr(router.context.get("counts"), "age", None)
    if age is not None:
        fields["age"] = int(age)
        response.headers["Age"] = str(int(age))
    record(router, fields, error, milliseconds=1000 * (perf_counter() - started))
    return response


def refuse_repeated_parameters(query: Mapping[str, list[str]]) -> None:
    """Raise RequestError if a parameter has several values, of which API Gateway passes the last one."""
    for name, values in query.items():
        if len(values) > 1:
            shown = truncate(name)
            raise RequestError(f"{shown} is given {len(values)} times; give it once", shown)


def request_id(router: Router) -> str:
    """Return Lambda's id of the request, as answers and log lines have it."""
    return router.lambda_context.aws_request_id


def log_fields(router: Router, **fields: object) -> None:
    """Add fields to the request's log line; values other than strings and integers are dropped."""
    router.context["log_fields"] = {
        name: truncate(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if isinstance(value, str | int)
    }


def record(
    router: Router, fields: dict[str, object], error: Exception | None, *, milliseconds: float
) -> None:
    """Write the log line and the metric of a request."""
    method, path = router.current_event["httpMethod"], router.current_event["path"]
    # Unknown paths share one metric, since each value of a dimension is billed as a metric.
    route = "unknown" if isinstance(error, UnknownRouteError) else router.route_name
    fields = {
        "method": method,
        "route": route,
        "duration_ms": round(milliseconds, 3),
        "request_id": request_id(router),
        **router.context.get("log_fields", {}),
        **fields,
    }
    sentence = f"{method} {truncate(path)} {fields['status']}"
    if error is None or isinstance(error, RequestError):
        logger.info(sentence, extra=fields)
    elif isinstance(error, NO_ANSWER):
        # The message names the endpoint; a stack trace through botocore adds nothing.
        logger.error(sentence, extra=fields | {"reason": str(error)})
    else:
        logger.error(sentence, extra=fields, exc_info=error)
    metrics = function_metrics()
    metrics.add_dimension("route", route)
    metrics.add_metric("RequestDuration", MetricUnit.Milliseconds, milliseconds)
    metrics.flush_metrics()


@cache
def function_metrics() -> Metrics:
    """Return the process's metrics, in the namespace that the environment names."""
    return Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "VoucherSelector")


def add_cors_headers(response: Response[Any]) -> None:
    """Allow pages of ``CORS_ORIGIN`` to read the answer, ``*`` for all; by default only the API's own may."""
    origin = os.environ.get("CORS_ORIGIN", "").strip()
    if not origin:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if methods := response.headers.get("Allow"):
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = PREFLIGHT_MAX_AGE
