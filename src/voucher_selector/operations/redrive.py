"""Redrive: send the failed events to the ingest function again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.events import EventError, object_events
from voucher_selector.operations.invoke import (
    MAX_CONCURRENCY,
    MAX_RUN_SECONDS,
    Answer,
    IngestFunction,
    for_each,
)
from voucher_selector.stack import Deployed

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

VISIBILITY_TIMEOUT = 3 * MAX_RUN_SECONDS
"""Seconds; longer than the function can run, so no message is processed twice."""

WAIT_SECONDS = 2
"""With long polling, SQS asks all its servers."""


@dataclass(frozen=True, slots=True)
class Redriven:
    """A failed event: the keys of its objects, and its new outcome."""

    sources: tuple[str, ...]
    answer: Answer


def receive(sqs: SQSClient, queue: str) -> list[MessageTypeDef]:
    """Return some messages; none if the queue is empty."""
    response = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=MAX_CONCURRENCY,
        VisibilityTimeout=VISIBILITY_TIMEOUT,
        WaitTimeSeconds=WAIT_SECONDS,
    )
    return response.get("Messages", [])


def redrive(stack: Deployed, report: Callable[[Redriven], None]) -> None:
    """Send every failed event to the ingest function once, and call ``report`` with it.

    Events that fail again stay in the queue. If AWS refuses, no event is lost.
    """
    sqs, queue = stack.session.client("sqs", endpoint_url=stack.endpoint), stack.outputs["FailedEventsQueue"]
    function = IngestFunction.of(stack)
    receipts: dict[str, str] = {}
    seen: set[str] = set()

    def handle(message: MessageTypeDef) -> Redriven:
        body = message["Body"]
        try:
            failed = json.loads(body)
            # Lambda sends a record of the invocation to the queue; EventBridge sends the undelivered event.
            notification = failed if "detail" in failed else failed["requestPayload"]
            sources = tuple(event.key for event in object_events(notification))
        except (ValueError, TypeError, KeyError, EventError):
            return Redriven((), Answer(error=f"A message is not the record of a failed event: {body[:100]}"))
        return Redriven(sources, function.handle(notification))

    def note(message: MessageTypeDef, redriven: Redriven) -> None:
        if redriven.answer.error is None:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipts.pop(message["MessageId"]))
        report(redriven)

    try:
        while messages := receive(sqs, queue):
            receipts |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            new = [message for message in messages if message["MessageId"] not in seen]
            seen |= {message["MessageId"] for message in new}
            for_each(new, handle, note)
    finally:
        for receipt in receipts.values():
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0)
