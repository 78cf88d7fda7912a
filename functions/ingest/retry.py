"""Repeat calls that fail while others are writing, with random and growing pauses, until the time is up."""

import random
import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from vouchers.dynamodb.aws import RETRYABLE_CODES, error_codes, error_message

FIRST_PAUSE, MAX_PAUSE = 0.02, 4.0
"""Seconds. Each pause is random, below a bound that doubles up to the maximum.

A failed attempt uses capacity that other writers need, so many writers at once need long pauses.
"""

CONDITION_FAILED = {"ConditionalCheckFailed", "ConditionalCheckFailedException"}

REFUSED_CODES = {
    "ItemCollectionSizeLimitExceeded",
    "ItemCollectionSizeLimitExceededException",
    "ValidationError",
    "ValidationException",
}
"""Codes of DynamoDB for a write that it never accepts; a transaction has them among its reasons."""


class ConflictError(Exception):
    """The source has changed since it was read."""


class RefusedError(Exception):
    """DynamoDB refuses the write, whenever it is repeated; the message is DynamoDB's."""


class RetryTimeoutError(Exception):
    """Other writers were in the way until the time was up."""


def backoff(seconds_left: Callable[[], float], message: str) -> Iterator[None]:
    """Yield for the first attempt, and again for each further one after a pause.

    Raises:
        RetryTimeoutError: ``message``, if the next pause would last longer than ``seconds_left``.
    """
    bound = FIRST_PAUSE
    while True:
        yield
        pause = random.uniform(0, bound)  # noqa: S311 - jitter, not a secret
        if pause >= seconds_left():
            raise RetryTimeoutError(message)
        time.sleep(pause)
        bound = min(2 * bound, MAX_PAUSE)


def write(call: Callable[[], object], seconds_left: Callable[[], float], message: str) -> None:
    """Make a conditional write to DynamoDB, and repeat it while DynamoDB is busy.

    Raises:
        ConflictError: if the condition does not hold.
        RefusedError: if DynamoDB never accepts it, such as an item that would be too large.
        RetryTimeoutError: ``message``, if DynamoDB was busy until the time was up.
        botocore.exceptions.ClientError: if DynamoDB refuses for another reason.
    """
    for _ in backoff(seconds_left, message):
        try:
            call()
        except ClientError as error:
            codes = error_codes(error)
            if codes & CONDITION_FAILED:
                raise ConflictError from None
            if codes & REFUSED_CODES:
                raise RefusedError(error_message(error, REFUSED_CODES)) from None
            if not codes & RETRYABLE_CODES:
                raise
        else:
            return
