"""Call the API function in Lambda's Python. Argument: events as JSON. The last line is the statuses."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any, cast

from api.handler import lambda_handler

context = cast("Any", SimpleNamespace(aws_request_id="id"))
statuses = [lambda_handler(event, context)["statusCode"] for event in json.loads(sys.argv[1])]
sys.stdout.write(json.dumps(statuses))
