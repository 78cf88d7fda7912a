"""The commands of docs/how-to/wait-for-a-file.md, and the events that they receive."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.place import Place
from tests.support.documents import text
from tests.support.sample_files import BROKEN, PERU, file_of
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack

PAGE = text("docs/how-to/wait-for-a-file.md")


@pytest.fixture(scope="module")
def telling() -> Iterator[Place]:
    parameters = {"EventBusName": "default"}
    with running(free_port(), free_port(), parameters=parameters, enforce_iam=True) as stack:
        yield Place(Deployed(session(), stack.endpoint, stack.outputs), stack.url)


def client(place: Place, service: str) -> Any:
    aws: Any = place.deployed.session
    return aws.client(service, endpoint_url=place.deployed.endpoint)


def option(name: str) -> str:
    """Return the value of an option of the commands in the document."""
    return str(re.findall(rf"--{name} '?([^'\n]*?)'?$", PAGE, flags=re.MULTILINE)[0])


def test_a_rule_receives_what_became_of_each_file(telling: Place) -> None:
    sqs, events = client(telling, "sqs"), client(telling, "events")
    queue = sqs.create_queue(QueueName=option("queue-name"))["QueueUrl"]
    rule = re.findall(r"put-rule --name (\S+)", PAGE)[0]
    events.put_rule(Name=rule, EventPattern=option("event-pattern"))
    target = dict(pair.split("=") for pair in option("targets").split(","))
    events.put_targets(Rule=rule, Targets=[target])

    s3 = telling.deployed.s3()
    s3.put_object(Bucket=telling.uploads, Key="vouchers/bad.parquet", Body=BROKEN)
    s3.put_object(Bucket=telling.uploads, Key="vouchers/good.parquet", Body=file_of(PERU))
    received: dict[str, dict[str, Any]] = {}
    while {"vouchers/good.parquet", "vouchers/bad.parquet"} - set(received):
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)
        assert answer.get("Messages"), received
        for message in answer["Messages"]:
            event = json.loads(message["Body"])
            received[event["detail"]["key"]] = event
    good, bad = received["vouchers/good.parquet"], received["vouchers/bad.parquet"]
    assert (good["source"], good["detail-type"]) == ("voucher-selector", "Source Counted")
    assert good["detail"]["committed_at"] == telling.state("good.parquet").committed_at
    assert (bad["detail-type"], bad["detail"]["status"]) == ("Source Failed", Status.FAILED)
