"""Handing notifications to the ingest function, and waiting for what it makes of them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

from voucher_selector.error_messages import sentence
from voucher_selector.stack import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_lambda import LambdaClient

    from voucher_selector.stack import Deployed

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_RUN_SECONDS = 900
"""Seconds after which Lambda ends a function."""

AT_ONCE = 4
"""Invocations at a time: less than half of those that the template lets run, so that uploads are counted
meanwhile. Commits to the same counters take turns, so that more would mostly wait for each other."""

# A second try of a call that is still running would count the same object twice at once. On its way through
# a network that forgets quiet connections, the call has to be kept alive.
PATIENT = Config(read_timeout=MAX_RUN_SECONDS + 60, retries={"total_max_attempts": 1}, tcp_keepalive=True)

SECONDS_BETWEEN_TRIES = 1.0
THROTTLED = "TooManyRequestsException"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a notification: the outcome of each of its events, or one sentence on what failed."""

    outcomes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IngestFunction:
    """The deployed ingest function."""

    client: LambdaClient
    name: str

    def handle(self, notification: Mapping[str, Any]) -> Answer:
        """Have the function apply a notification's events, and wait for it.

        Raises:
            botocore.exceptions.ClientError: if Lambda refuses to call it.
        """
        try:
            response = self._invoke(json.dumps(notification).encode())
        except (HTTPClientError, NotConnectedError) as error:
            return Answer(error=sentence(error))
        return _answer(response["Payload"].read(), failed="FunctionError" in response)

    def as_of_rule(self) -> str:
        """Return the as-of date's rule where an object names none: ``upload``, ``row`` or a date."""
        found = self.client.get_function_configuration(FunctionName=self.name)
        return found.get("Environment", {}).get("Variables", {}).get("RECENCY_AS_OF") or "upload"

    def _invoke(self, payload: bytes) -> Mapping[str, Any]:
        """Call the function; while as many run as may, which Lambda says before it calls it, wait."""
        deadline = time.monotonic() + MAX_RUN_SECONDS
        while True:
            try:
                return self.client.invoke(FunctionName=self.name, Payload=payload)
            except ClientError as error:
                if error.response["Error"].get("Code") != THROTTLED or time.monotonic() > deadline:
                    raise
            time.sleep(SECONDS_BETWEEN_TRIES)


def ingest_function(stack: Deployed) -> IngestFunction:
    """Return a stack's ingest function."""
    client = stack.session.client("lambda", endpoint_url=stack.endpoint, config=PATIENT)
    return IngestFunction(client, stack.outputs["IngestFunction"])


def for_each(
    items: Iterable[Item], work: Callable[[Item], Result], then: Callable[[Item, Result], None]
) -> None:
    """Do some ``work`` for each item, ``AT_ONCE`` at a time, and ``then`` something in this thread.

    What goes wrong with one ends it all; what has been begun by then is waited for.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            items_by_future = {pool.submit(work, item): item for item in items}
            for done in as_completed(items_by_future):
                then(items_by_future[done], done.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _answer(payload: bytes, *, failed: bool) -> Answer:
    try:
        said = json.loads(payload)
    except ValueError:
        said = None
    if isinstance(said, dict) and not failed and "outcomes" in said:
        return Answer(tuple(said["outcomes"]))
    details = said if isinstance(said, dict) else {}
    text = details.get("errorMessage") or details.get("errorType")
    text = text or f"the ingest function failed without a word; what it did is in {logs()}"
    return Answer(error=" ".join(str(text).split()))
