"""Call the ingest function, and wait for its outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

from ingest.config import Settings, load_settings
from voucher_selector.error_messages import sentence
from voucher_selector.errors import CommandError, Exit
from voucher_selector.stack import Deployed, log_place
from vouchers.settings import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_RUN_SECONDS = 900
"""The longest timeout of a Lambda function."""

MAX_CONCURRENCY = 4
"""Concurrent invocations: fewer than half of the template's limit, to leave room for uploads. Commits to the
same counters conflict, so more invocations would mostly retry."""

# A retry of a call that is still running would count an object twice at the same time. Keep-alive is needed
# because networks drop idle connections.
CONFIG = Config(read_timeout=MAX_RUN_SECONDS + 60, retries={"total_max_attempts": 1}, tcp_keepalive=True)

SECONDS_BETWEEN_TRIES = 1.0
THROTTLED = "TooManyRequestsException"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of each event of a notification, or one sentence on the failure."""

    outcomes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IngestFunction:
    """The deployed ingest function."""

    client: LambdaClient
    name: str

    @classmethod
    def of(cls, stack: Deployed) -> IngestFunction:
        """Return a stack's ingest function."""
        client = stack.session.client("lambda", endpoint_url=stack.endpoint, config=CONFIG)
        return cls(client, stack.outputs["IngestFunction"])

    def handle(self, notification: Mapping[str, Any]) -> Answer:
        """Invoke the function with a notification, and wait for its outcome."""
        try:
            response = self._invoke(json.dumps(notification).encode())
        except (HTTPClientError, NotConnectedError) as error:
            return Answer(error=sentence(error))
        try:
            document = json.loads(response["Payload"].read())
        except ValueError:
            document = None
        details = document if isinstance(document, dict) else {}
        if "FunctionError" not in response and "outcomes" in details:
            return Answer(tuple(details["outcomes"]))
        text = details.get("errorMessage") or details.get("errorType")
        text = text or f"The ingest function failed without an error message. See the log: {log_place()}"
        return Answer(error=" ".join(str(text).split()))

    def settings(self) -> Settings:
        """Return the function's settings.

        Raises:
            CommandError: if one of them is invalid.
        """
        found = self.client.get_function_configuration(FunctionName=self.name)
        try:
            return load_settings(found.get("Environment", {}).get("Variables", {}))
        except SettingsError as error:
            raise CommandError(f"In the function {self.name}, {error}", Exit.STACK) from None

    def _invoke(self, payload: bytes) -> Mapping[str, Any]:
        """Call the function; if Lambda throttles the call, wait and try again."""
        deadline = time.monotonic() + MAX_RUN_SECONDS
        while True:
            try:
                return self.client.invoke(FunctionName=self.name, Payload=payload)
            except ClientError as error:
                if error.response["Error"].get("Code") != THROTTLED or time.monotonic() > deadline:
                    raise
            time.sleep(SECONDS_BETWEEN_TRIES)


def for_each(
    items: Iterable[Item], work: Callable[[Item], Result], then: Callable[[Item, Result], None]
) -> None:
    """Run ``work`` for each item, ``MAX_CONCURRENCY`` at a time, and ``then`` in this thread.

    The first error cancels the items that have not begun, waits for the others and is raised.
    """
    with ThreadPoolExecutor(MAX_CONCURRENCY) as pool:
        try:
            items_by_future = {pool.submit(work, item): item for item in items}
            for done in as_completed(items_by_future):
                then(items_by_future[done], done.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
