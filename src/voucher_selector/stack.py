"""Which stack a command speaks to: the one on this machine, or the one that the environment points at."""

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

from voucher_selector.errors import CommandError, Exit
from voucher_selector.local_stack.deploy import STACK_NAME, session
from voucher_selector.local_stack.emulator import REGION, log_file, short

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

MAX_PORT = 65535

AWS = "aws"
"""As AWS_ENDPOINT_URL, it stands for AWS itself, which has no one URL."""

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5)
"""Where nothing answers, it is to be said at once."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where on this machine the emulator of AWS and the API listen."""

    aws: int
    api: int

    @property
    def assignments(self) -> str:
        """The variables that make needs to find them; nothing where they are the usual ones."""
        usual = {"PORT": 5000, "AWS_PORT": 4566}
        given = {"PORT": self.api, "AWS_PORT": self.aws}
        return "".join(f" {name}={port}" for name, port in given.items() if port != usual[name])


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack.

    Attributes:
        session: whose credentials and region its services are called with.
        endpoint: where they answer; None for AWS itself.
        outputs: the stack's outputs, value by name.
    """

    session: boto3.Session
    endpoint: str | None
    outputs: dict[str, str]

    @property
    def api_url(self) -> str:
        """Where its API answers; by the name an emulator gives it, only its own functions may find it."""
        stated = self.outputs["ApiUrl"]
        return stated if self.endpoint is None else self.endpoint.rstrip("/") + urlsplit(stated).path

    def s3(self) -> S3Client:
        """Return a client of the stack's S3."""
        return self.session.client("s3", endpoint_url=self.endpoint)

    def dynamodb(self) -> DynamoDBClient:
        """Return a client of the stack's DynamoDB."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint)

    def glue(self) -> GlueClient:
        """Return a client of the stack's Glue."""
        return self.session.client("glue", endpoint_url=self.endpoint)


def ports() -> Ports:
    """Return the ports that PORT and AWS_PORT name.

    Raises:
        CommandError: if one of them is not a port, or both are the same.
    """
    chosen = Ports(aws=_port("AWS_PORT", 4566), api=_port("PORT", 5000))
    if chosen.aws == chosen.api:
        raise CommandError(f"PORT and AWS_PORT are both {chosen.api}; the API and AWS need a port each")
    return chosen


def endpoint_given() -> str | None:
    """Return what AWS_ENDPOINT_URL says: a URL, or ``aws``; None where it points at nothing."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def is_local() -> bool:
    """Return whether the stack is the one of make run: AWS_ENDPOINT_URL points at no other."""
    return endpoint_given() is None


def logs() -> str:
    """Return where the functions' log is: a file of this checkout, or log groups of AWS."""
    return short(log_file(ports().aws)) if is_local() else "the functions' log groups in CloudWatch"


def deployed() -> Deployed:
    """Find the stack and its outputs.

    Raises:
        CommandError: if there is none.
        botocore.exceptions.BotoCoreError: if nothing answers, or credentials are missing.
    """
    endpoint = _endpoint()
    caller = session() if is_local() else _callers_own(endpoint)
    name = os.environ.get("STACK") or STACK_NAME
    return Deployed(caller, None if endpoint == AWS else endpoint, _outputs(caller, endpoint, name))


def _endpoint() -> str:
    given = endpoint_given()
    if given is None:
        return f"http://127.0.0.1:{ports().aws}"
    if given != AWS and not re.fullmatch(r"https?://[^/\s]+/?", given):
        raise CommandError(f"AWS_ENDPOINT_URL must be as http://localhost:4566, or aws, not '{given}'")
    return given


def _callers_own(endpoint: str) -> boto3.Session:
    """Return a session as the caller has set AWS up; an emulator does without credentials and region."""
    core = CoreSession()
    core.set_config_variable("ignore_configured_endpoint_urls", value=True)
    if endpoint == AWS:
        return boto3.Session(botocore_session=core)
    if core.get_credentials() is None:
        return session()
    return boto3.Session(botocore_session=core, region_name=core.get_config_variable("region") or REGION)


def _outputs(caller: boto3.Session, endpoint: str, name: str) -> dict[str, str]:
    url = None if endpoint == AWS else endpoint
    cloudformation = caller.client("cloudformation", endpoint_url=url, config=ONCE)
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ValidationError":
            raise
        raise CommandError(_no_stack(caller, endpoint, name), Exit.STACK) from None
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _no_stack(caller: boto3.Session, endpoint: str, name: str) -> str:
    if is_local():
        return f"There is no stack '{name}' at {endpoint}; start one with: make run{ports().assignments}"
    place = f"on AWS in {caller.region_name}" if endpoint == AWS else f"at {endpoint}"
    return f"There is no stack '{name}' {place}; deploy it, or name another by STACK"


def _port(variable: str, usual: int) -> int:
    text = os.environ.get(variable) or str(usual)
    if not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
        raise CommandError(f"{variable} must be a port from 1 to {MAX_PORT}, not '{text}'")
    return int(text)
