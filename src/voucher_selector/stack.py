"""The stack that a command uses: the local one, or the one that AWS_ENDPOINT_URL names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session as CoreSession

from ingest.storage.results_bucket import ResultsBucket
from voucher_selector.errors import CommandError, Exit
from voucher_selector.local_stack.deploy import STACK_NAME, session
from voucher_selector.local_stack.emulator import REGION, log_file, short
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.dynamodb.sources_table import SourcesTable, State
from vouchers.keys import PREFIX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

DEFAULT_PORTS = {"PORT": 5000, "AWS_PORT": 4566}
MAX_PORT = 65535

AWS = "aws"
"""The value of AWS_ENDPOINT_URL that means AWS, which has no single URL."""

NO_RETRIES = Config(retries={"total_max_attempts": 1}, connect_timeout=5)
"""The first call fails at once if nothing answers."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the local stack: the AWS emulator and the API."""

    aws: int
    api: int

    @property
    def assignments(self) -> str:
        """The Make variables that name them, each after a space; without the defaults."""
        given = {"PORT": self.api, "AWS_PORT": self.aws}
        return "".join(f" {name}={port}" for name, port in given.items() if port != DEFAULT_PORTS[name])


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack.

    Attributes:
        session: the credentials and the region of its clients.
        endpoint: the URL of its services; None for AWS.
        outputs: the stack's outputs, value by name.
    """

    session: boto3.Session
    endpoint: str | None
    outputs: dict[str, str]

    @property
    def api_url(self) -> str:
        """The URL of its API; only functions inside an emulator can use the host that the output names."""
        output = self.outputs["ApiUrl"]
        return output if self.endpoint is None else self.endpoint.rstrip("/") + urlsplit(output).path

    @property
    def prefix(self) -> str:
        """The prefix of the keys of uploads."""
        return self.outputs.get("UploadsPrefix", PREFIX)

    def upload_key(self, name: str) -> str:
        """Return the key of an upload, given its name with or without the prefix."""
        return self.prefix + name.lstrip("/").removeprefix(self.prefix)

    def s3(self) -> S3Client:
        """Return a client of S3."""
        return self.session.client("s3", endpoint_url=self.endpoint)

    def dynamodb(self) -> DynamoDBClient:
        """Return a client of DynamoDB."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint)

    def sources_table(self) -> SourcesTable:
        """Return the table of the sources."""
        return SourcesTable(self.dynamodb(), self.outputs["SourcesTable"])

    def segments_table(self) -> SegmentsTable:
        """Return the table of the counts."""
        return SegmentsTable(self.dynamodb(), self.outputs["SegmentsTable"])

    def results_bucket(self) -> ResultsBucket:
        """Return the bucket of the results."""
        return ResultsBucket(self.s3(), self.outputs["ResultsBucket"])

    def rejected_rows(self, state: State) -> str | None:
        """Return the S3 URI of a source's rejected rows; None if there are none."""
        return state.rejected_object and f"s3://{self.outputs['ResultsBucket']}/{state.rejected_object}"


def ports() -> Ports:
    """Return the ports that PORT and AWS_PORT name.

    Raises:
        CommandError: if one of them is not a port, or both are the same.
    """
    numbers = {}
    for name, default in DEFAULT_PORTS.items():
        text = os.environ.get(name) or str(default)
        if not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
            raise CommandError(f"Invalid {name} '{text}'. Use a port from 1 to {MAX_PORT}.")
        numbers[name] = int(text)
    if numbers["PORT"] == numbers["AWS_PORT"]:
        raise CommandError(f"PORT and AWS_PORT are both {numbers['PORT']}. Use two different ports.")
    return Ports(aws=numbers["AWS_PORT"], api=numbers["PORT"])


def endpoint_variable() -> str | None:
    """Return AWS_ENDPOINT_URL: a URL or ``aws``; None if it is empty or not set."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def is_local() -> bool:
    """Return whether the stack is the local one, because AWS_ENDPOINT_URL names no other."""
    return endpoint_variable() is None


def log_place() -> str:
    """Return where the functions log: a file of this checkout, or CloudWatch."""
    return short(log_file(ports().aws)) if is_local() else "the functions' log groups in CloudWatch"


def find_stack() -> Deployed:
    """Find the stack that AWS_ENDPOINT_URL, AWS_PORT and STACK name, and its outputs.

    Raises:
        CommandError: if there is no such stack, or a variable is invalid.
        botocore.exceptions.BotoCoreError: if nothing answers, or credentials are missing.
    """
    endpoint = endpoint_variable() or f"http://127.0.0.1:{ports().aws}"
    if endpoint != AWS and not re.fullmatch(r"https?://[^/\s]+/?", endpoint):
        example = "Use a URL such as http://localhost:4566, or 'aws'."
        raise CommandError(f"Invalid AWS_ENDPOINT_URL '{endpoint}'. {example}")
    url = None if endpoint == AWS else endpoint
    caller = session() if is_local() else _caller_session(endpoint)
    name = os.environ.get("STACK") or STACK_NAME
    cloudformation = caller.client("cloudformation", endpoint_url=url, config=NO_RETRIES)
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ValidationError":
            raise
        place = f"on AWS in {caller.region_name}" if endpoint == AWS else f"at {endpoint}"
        start = f"Start one: make run{ports().assignments}"
        advice = start if is_local() else "Deploy it, or name another stack with STACK"
        raise CommandError(f"There is no stack '{name}' {place}. {advice}", Exit.STACK) from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return Deployed(caller, url, outputs)


def _caller_session(endpoint: str) -> boto3.Session:
    """Return a session with the caller's AWS settings; an emulator needs neither credentials nor region."""
    core = CoreSession()
    core.set_config_variable("ignore_configured_endpoint_urls", value=True)
    if endpoint == AWS:
        return boto3.Session(botocore_session=core)
    if core.get_credentials() is None:
        return session()
    return boto3.Session(botocore_session=core, region_name=core.get_config_variable("region") or REGION)
