"""API Gateway's side of the API function: the events that a REST API sends, and calling the handler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any, cast

CUSTOMER = {
    "customer_id": 123,
    "country_code": "Peru",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
    "total_orders": 15,
    "segment_name": "recency_segment",
}
REQUEST_ID = "0a1b2c3d-0000-4000-8000-1234567890ab"


@dataclass(frozen=True)
class Context:
    """What Lambda tells of a call."""

    function_name: str = "api"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:api"
    aws_request_id: str = REQUEST_ID


@dataclass(frozen=True)
class Answer:
    """An answer as API Gateway's client gets it."""

    status: int
    body: str
    headers: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.body))

    @property
    def message(self) -> str:
        """What was wrong, whichever shape says so."""
        if self.headers["Content-Type"] == "application/problem+json":
            return cast("str", self.problem["detail"])
        assert list(self.json) == ["message"]
        return cast("str", self.json["message"])

    @property
    def problem(self) -> dict[str, Any]:
        """The problem details, whose shape is looked at."""
        assert self.headers["Content-Type"] == "application/problem+json"
        return problem(self.json, self.status, self.headers["X-Request-Id"])


def rest_event(
    method: str = HTTPMethod.GET,
    path: str = "/voucher_amount",
    *,
    query: dict[str, str] | None = None,
    body: str | None = None,
    is_base64: bool = False,
    base_path: str = "",
    **more: str,
) -> dict[str, Any]:
    """Return the proxy event of a REST API for a request; ``more`` are headers, with ``_`` for ``-``.

    ``base_path`` is that of a custom domain, such as ``/base``.
    """
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "User-Agent": "curl/8.5.0",
        "X-Amzn-Trace-Id": "Root=1-66a7c0de-1d2c3b4a5f6e7d8c9b0a1f2e",
        "X-Forwarded-For": "192.0.2.10",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return {
        "resource": "/{proxy+}",
        "path": base_path + path,
        "httpMethod": str(method),
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()}
        if query
        else None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "resourceId": "x1y2z3",
            "resourcePath": "/{proxy+}",
            "httpMethod": str(method),
            "extendedRequestId": "BRkL7H2hjoEFa5g=",
            "requestTime": "29/Jul/2024:16:20:14 +0000",
            "path": base_path + path if base_path else f"/prod{path}",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainPrefix": "a1b2c3d4e5",
            "requestTimeEpoch": 1722270014000,
            "requestId": "6f1c1f0e-4b9f-4b57-9c0a-3f3f5e7b2d11",
            "identity": {"sourceIp": "192.0.2.10", "userAgent": "curl/8.5.0", "accountId": None},
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "apiId": "a1b2c3d4e5",
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


def problem(given: dict[str, Any], status: int, request_id: str = REQUEST_ID) -> dict[str, Any]:
    """Return problem details after a look at their shape."""
    needed = ["type", "title", "status", "detail", "message", "request_id"]
    assert list(given) in (needed, [*needed, "field"])
    assert given["type"].startswith("urn:problem-type:voucher-selector:")
    assert given["title"]
    assert given["status"] == status
    assert given["detail"] == given["message"]
    assert given["request_id"] == request_id
    return given


def call(event: dict[str, Any]) -> Answer:
    """Return what the API function answers to an event."""
    from api.handler import lambda_handler  # noqa: PLC0415 - its logger reads the test's environment

    answer = lambda_handler(event, cast("Any", Context()))
    multi = answer.get("multiValueHeaders", {})
    headers = {name: ", ".join(values) for name, values in multi.items()} | answer.get("headers", {})
    return Answer(int(answer["statusCode"]), answer["body"], headers)
