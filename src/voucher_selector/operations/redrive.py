"""Redriving: handing the failed events to the ingest function once more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.events import EventError, object_events
from voucher_selector.operations.invoke import AT_ONCE, MAX_RUN_SECONDS, Answer, for_each, ingest_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_sqs import SQSClient

    from voucher_selector.operations.invoke import IngestFunction
    from voucher_selector.stack import Deployed

SECONDS_HIDDEN = 3 * MAX_RUN_SECONDS
"""So long is a message in hand given to nobody else: longer than its event takes to come to something."""

SECONDS_TO_WAIT = 2
"""A queue that is asked for this long, and not for an instant, is asked in all its parts."""


@dataclass(frozen=True, slots=True)
class Redriven:
    """A failed event, by the objects it speaks of, and what came of it this time."""

    sources: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Failures:
    """The queue of the failed events."""

    client: SQSClient
    url: str

    def receive(self) -> list[Mapping[str, Any]]:
        """Return some messages, none where the queue is empty."""
        return list(
            self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=AT_ONCE,
                VisibilityTimeout=SECONDS_HIDDEN,
                WaitTimeSeconds=SECONDS_TO_WAIT,
            ).get("Messages", [])
        )

    def delete(self, receipt: str) -> None:
        """Delete a message."""
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)

    def put_back(self, receipt: str) -> None:
        """Make a message visible again."""
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0)


def redrive(stack: Deployed, tell: Callable[[Redriven], None]) -> None:
    """Hand every failed event to the ingest function once; keep those in the queue that fail again.

    Args:
        stack: whose queue and function they are.
        tell: is told of each event.

    Raises:
        botocore.exceptions.ClientError: if AWS refuses; no event is lost by that.
    """
    sqs = stack.session.client("sqs", endpoint_url=stack.endpoint)
    queue, function = Failures(sqs, stack.outputs["FailedEventsQueue"]), ingest_function(stack)
    held: dict[str, str] = {}
    seen: set[str] = set()

    def note(message: Mapping[str, Any], redriven: Redriven) -> None:
        if redriven.answer.error is None:
            queue.delete(held.pop(message["MessageId"]))
        tell(redriven)

    try:
        while messages := queue.receive():
            held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            new = [message for message in messages if message["MessageId"] not in seen]
            seen |= {message["MessageId"] for message in new}
            for_each(new, lambda message: _redriven(function, message["Body"]), note)
    finally:
        for receipt in held.values():
            queue.put_back(receipt)


def _redriven(function: IngestFunction, body: str) -> Redriven:
    """Hand on the notification that Lambda's record of a failure holds."""
    try:
        notification = json.loads(body)["requestPayload"]
        sources = tuple(event.key for event in object_events(notification))
    except (ValueError, TypeError, KeyError, EventError):
        return Redriven((), Answer(error=f"a message is not the record of a failed event: {body[:100]}"))
    return Redriven(sources, function.handle(notification))
