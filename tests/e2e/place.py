"""A stack that is embedded, in LocalStack or on AWS, and the actions of a user."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials

from voucher_selector.error_messages import sentence
from voucher_selector.errors import EXPECTED
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.emulator import REGION
from voucher_selector.local_stack.gateway import gateway
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.signing import Target
from voucher_selector.operations.upload import object_key, send, wait_until_counted
from voucher_selector.stack import find_stack
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.dynamodb.sources_table import SourcesTable, Status
from vouchers.keys import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPMessage
    from pathlib import Path

    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Place:
    """A deployed stack, and the URL of a gateway that signs requests to its API."""

    deployed: Deployed
    url: str

    @property
    def seconds(self) -> float:
        """The time limit of a wait; AWS retries a failed event after one minute, and after two more."""
        return 60 if self.deployed.endpoint else 600

    @property
    def sources(self) -> SourcesTable:
        return SourcesTable(self.deployed.dynamodb(), self.deployed.outputs["SourcesTable"])

    @property
    def segments(self) -> SegmentsTable:
        return SegmentsTable(self.deployed.dynamodb(), self.deployed.outputs["SegmentsTable"])

    @property
    def uploads(self) -> str:
        return self.deployed.outputs["UploadsBucket"]

    def upload(self, file: Path, name: str, as_of: str | None = None) -> State:
        send(self.deployed, {object_key(name): file}, {"as-of": as_of} if as_of else {})
        [outcome] = wait_until_counted(self.deployed, [object_key(name)])
        if outcome.state is None or outcome.error:
            raise AssertionError(outcome.error)
        return outcome.state

    def delete(self, name: str) -> None:
        self.deployed.s3().delete_object(Bucket=self.uploads, Key=object_key(name))
        self.until(lambda: self.state(name).status is Status.DELETED)

    def state(self, name: str) -> State:
        state = self.sources.load(object_key(name)).state
        assert state is not None
        return state

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        answer = self.answer(path, body)
        return answer.status, answer.body

    def answer(
        self, path: str, body: dict[str, Any] | None = None, *, method: str = "GET", **headers: str
    ) -> Answer:
        """Return the response; names of ``headers`` have ``_`` for ``-``."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=self.seconds)
        sent = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, sent, {"Content-type": "application/json", **named})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def cells(self, *countries: str) -> dict[tuple[str, str], dict[float, int]]:
        found = {country.casefold(): self.segments.country(country) for country in countries}
        return {
            (key, cell): counts.amounts
            for key, country in found.items()
            if country
            for cell, counts in country.cells.items()
            if counts.amounts
        }

    def until(self, happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + self.seconds
        while not happened():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.1)

    def comes_to(self, look: Callable[[], object], expected: object) -> None:
        """Wait until ``look`` returns ``expected``; reads may be eventually consistent."""
        with suppress(AssertionError):
            self.until(lambda: look() == expected)
        assert look() == expected

    def keys(self) -> list[str]:
        pages = (
            self.deployed.s3().get_paginator("list_objects_v2").paginate(Bucket=self.uploads, Prefix=PREFIX)
        )
        return [content["Key"] for page in pages for content in page.get("Contents", [])]


def create_caller(endpoint: str) -> Credentials:
    """Create a user who may call the API; the emulator checks signatures of users, but not of the account."""
    iam = session().client("iam", endpoint_url=endpoint)
    iam.create_user(UserName="caller")
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="caller", PolicyName="call", PolicyDocument=policy)
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


@contextmanager
def elsewhere(endpoint: str) -> Iterator[Place]:
    """Find the empty stack at an endpoint; delete its objects afterwards."""
    with patch.dict(os.environ, AWS_ENDPOINT_URL=endpoint):
        try:
            found = find_stack()
        except EXPECTED as error:
            pytest.exit(sentence(error), returncode=1)
    credentials = found.session.get_credentials()
    assert credentials
    target = Target(found.api_url, found.session.region_name or REGION, credentials)
    with gateway(free_port(), target) as url:
        place = Place(found, url)
        if place.keys():
            pytest.exit(f"The stack at {endpoint} holds files; test on one that holds none", returncode=1)
        yield place
        for key in place.keys():  # noqa: SIM118 - it is not a dictionary
            place.delete(key)
