"""A handler that does nothing but log and answer: what no function can be faster than."""

from __future__ import annotations

import sys
from typing import Any

LINE = "{}\n"
ANSWER = {
    "statusCode": 200,
    "headers": {"Content-Type": "application/json"},
    "body": '{"voucher_amount":[2640.0]}',
    "isBase64Encoded": False,
}


def lambda_handler(event: object, context: object) -> dict[str, Any]:  # noqa: ARG001 - as Lambda calls it
    """Answer as the real one would."""
    sys.stdout.write(LINE)
    return ANSWER
