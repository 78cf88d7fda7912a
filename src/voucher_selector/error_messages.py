"""One sentence for a person, made from an error."""

import os
from urllib.parse import urlsplit

from botocore import exceptions as aws

from voucher_selector.stack import AWS, endpoint_variable, log_place, ports


def is_under_make() -> bool:
    """Return whether Make runs the command."""
    return bool(os.environ.get("VOUCHER_SELECTOR_MAKE"))


def name_variables(message: str) -> str:
    """Return a message of the ingest function, which names the flag, with the variable if Make runs."""
    return message.replace("--columns ", "COLUMN_NAMES=") if is_under_make() else message


def sentence(error: BaseException) -> str:
    """Return what went wrong, on one line."""
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            text = "AWS credentials are missing. Set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        case aws.NoRegionError():
            text = "The AWS region is missing. Set AWS_REGION"
        case aws.ReadTimeoutError() | aws.ConnectionClosedError() | aws.ResponseStreamingError():
            text = f"{_server(error)} sent no complete response. See the log: {log_place()}"
        case aws.ConnectionError() | aws.HTTPClientError():
            text = _no_answer(_server(error))
        case aws.ClientError():
            text = f"{error.operation_name} was refused: {error.response['Error'].get('Message', error)}"
        case OSError(filename=str(name), strerror=str(reason)):
            text = f"{name}: {reason}"
        case _:
            text = str(error)
    return " ".join(text.split())


def _server(error: aws.BotoCoreError) -> str:
    parts = urlsplit(str(error.kwargs.get("endpoint_url") or ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "AWS"


def _no_answer(server: str) -> str:
    match endpoint_variable():
        case None:
            numbers = ports()
            variable = "PORT" if server.endswith(f":{numbers.api}") else "AWS_PORT"
            advice = (
                f"Start the stack: make run{numbers.assignments}. If it uses another port, set {variable}"
            )
        case endpoint if endpoint == AWS:
            advice = "Check AWS_REGION and the network"
        case _:
            advice = "Check AWS_ENDPOINT_URL"
    return f"{server} does not answer. {advice}"
