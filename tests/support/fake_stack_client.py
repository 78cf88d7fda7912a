"""A stack harness with the outputs of a deployed stack, and a Lambda that runs the ingest function here."""

from __future__ import annotations

import io
import json
import os
import threading
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import boto3

from ingest.handler import lambda_handler
from tests.support.stack_harness import lambda_context
from voucher_selector.stack import Deployed

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness


@dataclass
class Lambda:
    """Stands in for Lambda's client; each call first raises one of ``refusals``, if any are left."""

    refusals: list[Exception] = field(default_factory=list)
    invoked: list[dict[str, Any]] = field(default_factory=list)
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - as boto3's
        assert FunctionName == "ingest"
        with self._alone, redirect_stdout(io.StringIO()):
            if self.refusals:
                raise self.refusals.pop(0)
            self.invoked.append(json.loads(Payload))
            try:
                return answer(lambda_handler(json.loads(Payload), lambda_context()))
            except Exception as error:  # noqa: BLE001 - as Lambda does
                message = {"errorMessage": str(error), "errorType": type(error).__name__}
                return answer(message) | {"FunctionError": "Unhandled"}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - as boto3's
        assert FunctionName == "ingest"
        return {"Environment": {"Variables": dict(os.environ)}}


def answer(message: object) -> dict[str, Any]:
    """Return Lambda's response with the payload of a function."""
    return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(message).encode())}


@dataclass
class Session:
    """Stands in for a session: its Lambda client is ``Lambda``, its other clients are moto's."""

    function: Lambda

    def client(self, service: str, **options: Any) -> Any:
        of_moto: Any = boto3.client
        return self.function if service == "lambda" else of_moto(service, **options)


def deployed(harness: StackHarness, function: Lambda) -> Deployed:
    """Create the queue of failed events, and return the harness as a deployed stack."""
    queue = boto3.client("sqs").create_queue(QueueName="failed")["QueueUrl"]
    outputs = {
        "UploadsBucket": harness.uploads,
        "ResultsBucket": harness.results,
        "SegmentsTable": harness.segments,
        "SourcesTable": harness.sources,
        "FailedEventsQueue": queue,
        "IngestFunction": "ingest",
        **({"RowsDatabase": harness.database} if harness.keeps_rows else {}),
    }
    return Deployed(cast("boto3.Session", Session(function)), None, outputs)
