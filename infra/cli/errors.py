"""Errors → the one sentence that a person reads."""

from __future__ import annotations

from boto3.exceptions import Boto3Error
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from infra.local.errors import StackError


class CommandError(Exception):
    """A command cannot do what it was asked; the message is one sentence that says why and what to do."""


EXPECTED = (
    CommandError,
    StackError,
    aws.BotoCoreError,
    aws.ClientError,
    Boto3Error,
    ResponseParserError,
    OSError,
)
"""Everything that the world can do to a command; any other exception is a bug and shows itself as one."""


def sentence(error: BaseException) -> str:
    """Say in one line what went wrong."""
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            text = "There are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        case aws.NoRegionError():
            text = "There is no AWS region; set AWS_REGION"
        case aws.ConnectionError() | aws.HTTPClientError():
            text = f"{_url(error)} does not answer; start the stack with: make run"
        case aws.ClientError():
            text = f"{error.operation_name} was refused: {error.response['Error'].get('Message', error)}"
        case OSError(filename=str(name), strerror=str(reason)):
            text = f"{name}: {reason}"
        case _:
            text = str(error)
    return " ".join(text.split())


def _url(error: aws.ConnectionError | aws.HTTPClientError) -> str:
    return str(error.kwargs.get("endpoint_url") or "AWS")
