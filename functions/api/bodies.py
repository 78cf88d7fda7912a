"""Reading bodies: from an event to a JSON object."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from api.echo import shown
from api.errors import BodyTooLargeError, RequestError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

MAX_BODY = 64 * 1024
"""Bytes of a body that are read."""


def fields_of(event: APIGatewayProxyEvent) -> dict[str, object]:
    """Return the fields of the JSON body, or of the query string where there is no body.

    The query string's ``fallback`` counts beside a body too.

    Raises:
        RequestError: if the body is not a JSON object in UTF-8, or is too large.
    """
    query = event.query_string_parameters
    body = text_of(event, MAX_BODY)
    if not body.strip():
        return dict(query)
    beside = {"fallback": query["fallback"]} if "fallback" in query else {}
    return beside | json_object(body)


def text_of(event: APIGatewayProxyEvent, most: int) -> str:
    """Return the body as text; empty where there is none.

    Raises:
        RequestError: if it is not UTF-8, or has more than ``most`` bytes.
    """
    try:
        text = event.body or ""
        raw = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
        if len(raw) > most:
            raise BodyTooLargeError(f"the body has {len(raw)} bytes; give at most {most}")
        return raw.decode()
    except ValueError:
        raise RequestError("the body is not UTF-8 text; give a JSON object") from None


def json_object(body: str) -> dict[str, object]:
    """Return the JSON object that a body holds.

    Raises:
        RequestError: if it holds none.
    """
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise RequestError("the body is nested too deeply; give a flat JSON object") from None
    if not isinstance(fields, dict):
        raise RequestError(f"the body must be a JSON object, not {shown(fields)}")
    return fields
