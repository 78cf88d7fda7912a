"""A function for tests: it makes the AWS call that its event names, returns a request, or fails."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import get_session

LINK = '<https://api.example.com/live/v1/sources?cursor=next>; rel="next"'


def lambda_handler(event: dict[str, Any], _context: object) -> object:
    if "operation" in event:
        return _outcome(event["service"], event["operation"], event["arguments"])
    if "httpMethod" in event:
        return _shown(event)
    raise RuntimeError("told to fail")


def _outcome(service: str, operation: str, arguments: dict[str, Any]) -> str:
    try:
        getattr(get_session().create_client(service), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    seen = {
        "method": event["httpMethod"],
        "path": event["path"],
        "query": event["multiValueQueryStringParameters"],
        "body": event["body"],
    }
    headers = {"Content-Type": "application/json", "X-Shown": "yes", "Link": LINK}
    return {"statusCode": 418, "headers": headers, "body": json.dumps(seen)}
