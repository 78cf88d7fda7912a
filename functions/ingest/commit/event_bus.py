"""Tell an event bus of EventBridge what became of a source, for programs that wait for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vouchers.dynamodb.sources_table import State

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "voucher-selector"


class EventBusError(Exception):
    """The event of a committed source was not sent; the next attempt sends it."""


@dataclass(frozen=True, slots=True)
class EventBus:
    """An event bus.

    Attributes:
        client: of EventBridge.
        name: of the bus.
        bucket: where the objects are, by which receivers tell stacks apart.
    """

    client: EventBridgeClient
    name: str
    bucket: str

    def publish(self, key: str, state: State) -> None:
        """Send the event of a source's state, as docs/how-to/wait-for-a-file.md describes it.

        Raises:
            EventBusError: if EventBridge does not take it.
        """
        rows = {name: state.report.get(name) for name in ("rows", "counted", "rejected")}
        detail = {
            "bucket": self.bucket,
            "key": key,
            "status": state.status,
            "committed_at": state.committed_at,
            "uploaded_at": state.uploaded_at,
            "as_of": state.as_of,
            "definitions": state.definitions,
            "version_id": state.version_id,
            "etag": state.etag,
            **rows,
            "error": state.error,
        }
        event: PutEventsRequestEntryTypeDef = {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": f"Source {state.status.capitalize()}",
            "Detail": json.dumps(detail),
        }
        try:
            answer = self.client.put_events(Entries=[event])
        except (BotoCoreError, ClientError) as error:
            reason = str(error)
        else:
            if not answer["FailedEntryCount"]:
                return
            reason = answer["Entries"][0].get("ErrorMessage", "")
        message = f"'{key}' is {state.status}, but the event that says so was not sent to '{self.name}': "
        raise EventBusError(message + reason)
