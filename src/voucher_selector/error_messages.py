"""Errors → the one sentence that a person reads."""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore import exceptions as aws

from voucher_selector.stack import endpoint_given, logs, ports


def sentence(error: BaseException) -> str:
    """Say in one line what went wrong."""
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            text = "There are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        case aws.NoRegionError():
            text = "There is no AWS region; set AWS_REGION"
        case aws.ReadTimeoutError() | aws.ConnectionClosedError() | aws.ResponseStreamingError():
            text = f"{_place(error)} gave no whole answer; what it did is in {logs()}"
        case aws.ConnectionError() | aws.HTTPClientError():
            text = f"{_place(error)} does not answer; {_advice(_place(error))}"
        case aws.ClientError():
            text = f"{error.operation_name} was refused: {error.response['Error'].get('Message', error)}"
        case OSError(filename=str(name), strerror=str(reason)):
            text = f"{name}: {reason}"
        case _:
            text = str(error)
    return " ".join(text.split())


def _place(error: aws.BotoCoreError) -> str:
    parts = urlsplit(str(error.kwargs.get("endpoint_url") or ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "AWS"


def _advice(place: str) -> str:
    match endpoint_given():
        case None:
            chosen = ports()
            what, variable = ("API", "PORT") if place.endswith(f":{chosen.api}") else ("AWS", "AWS_PORT")
            run = f"make run{chosen.assignments}"
            return f"start the stack with: {run}; or, if it runs, name the port of its {what} by {variable}"
        case "aws":
            return "see whether AWS_REGION names a region, and the network is up"
        case _:
            return "see whether AWS_ENDPOINT_URL names where the stack is"
