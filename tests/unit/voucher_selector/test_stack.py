from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from click.testing import CliRunner

from voucher_selector import stack as target
from voucher_selector.cli.main import cli
from voucher_selector.error_messages import sentence
from voucher_selector.errors import CommandError, Exit, StackError, exit_code

pytestmark = pytest.mark.disable_socket

VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "PORT", "AWS_PORT", "STACK",
)  # fmt: skip


@dataclass
class Aws:
    """Stands in for a session with one stack, and records the requests for stacks."""

    asked: list[tuple[str | None, str]] = field(default_factory=list)
    error: Exception | None = None

    def client(self, service: str, endpoint_url: str | None, config: object) -> Aws:
        assert (service, config) == ("cloudformation", target.NO_RETRIES)
        self.asked.append((endpoint_url, ""))
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        self.asked[-1] = (self.asked[-1][0], StackName)
        if self.error:
            raise self.error
        return {"Stacks": [{"Outputs": [{"OutputKey": "UploadsBucket", "OutputValue": "uploads"}]}]}


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Aws:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    aws = Aws()
    monkeypatch.setattr(target, "session", lambda: aws)
    return aws


def test_the_stack_is_looked_for_on_this_machine(local: Aws) -> None:
    found = target.find_stack()

    assert local.asked == [("http://127.0.0.1:4566", "voucher-selector")]
    assert (found.endpoint, found.outputs) == ("http://127.0.0.1:4566", {"UploadsBucket": "uploads"})


def test_port_and_name_of_the_stack_can_be_given(local: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PORT", "4567")
    monkeypatch.setenv("STACK", "mine")

    target.find_stack()

    assert local.asked == [("http://127.0.0.1:4567", "mine")]


def test_an_emulator_elsewhere_needs_neither_credentials_nor_region(
    local: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://emulator.test:4566")

    target.find_stack()

    assert local.asked == [("http://emulator.test:4566", "voucher-selector")]


def test_variables_that_make_passes_on_empty_count_as_not_given(
    local: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "STACK", "PORT", "AWS_PORT"):
        monkeypatch.setenv(name, "")

    target.find_stack()

    assert local.asked == [("http://127.0.0.1:4566", "voucher-selector")]


def test_a_stack_that_is_not_there_is_named(local: Aws) -> None:
    local.error = ClientError({"Error": {"Code": "ValidationError", "Message": "gone"}}, "DescribeStacks")

    with pytest.raises(
        CommandError,
        match=r"There is no stack 'voucher-selector' at http://127\.0\.0\.1:4566\. Start one: make run",
    ):
        target.find_stack()


def test_aws_itself_is_not_asked_without_a_region(local: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "aws")

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    assert (result.stderr, result.exit_code) == ("Error: The AWS region is missing. Set AWS_REGION\n", 3)
    assert local.asked == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NoCredentialsError(), "AWS credentials are missing. Set AWS_PROFILE or AWS_ACCESS_KEY_ID"),
        (NoRegionError(), "The AWS region is missing. Set AWS_REGION"),
        (ClientError({"Error": {"Message": "no"}}, "PutObject"), "PutObject was refused: no"),
        (PermissionError(13, "Permission denied", "a.parquet"), "a.parquet: Permission denied"),
        (CommandError("one\n  line"), "one line"),
    ],
)
def test_an_error_becomes_one_sentence(error: Exception, message: str) -> None:
    assert sentence(error) == message


START = "Start the stack: make run PORT=5301 AWS_PORT=4701. If it uses another port, set "


@pytest.mark.parametrize(
    ("endpoint", "url", "message"),
    [
        ("", "http://localhost:5301/v1/counts", f"{START}PORT"),
        ("", "http://127.0.0.1:4701/", f"{START}AWS_PORT"),
        ("http://l:4566", "http://l:4566/", "Check AWS_ENDPOINT_URL"),
        (
            "aws",
            "https://s3.x.amazonaws.com/",
            "Check AWS_REGION and the network",
        ),
    ],
)
@pytest.mark.usefixtures("local")
def test_where_nothing_answers_the_variable_is_named_that_says_where(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, url: str, message: str
) -> None:
    for name, value in (("AWS_ENDPOINT_URL", endpoint), ("PORT", "5301"), ("AWS_PORT", "4701")):
        monkeypatch.setenv(name, value)

    place = "/".join(url.split("/")[:3])
    assert sentence(EndpointConnectionError(endpoint_url=url)) == f"{place} does not answer. {message}"


@pytest.mark.parametrize(
    ("endpoint", "log"), [("", ".stack/4701.log"), ("aws", "the functions' log groups in CloudWatch")]
)
@pytest.mark.usefixtures("local")
def test_where_an_answer_breaks_off_the_log_is_named(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, log: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_PORT", "4701")

    message = sentence(ReadTimeoutError(endpoint_url="http://127.0.0.1:4701/functions"))

    assert message == f"http://127.0.0.1:4701 sent no complete response. See the log: {log}"


@pytest.mark.usefixtures("local")
def test_one_port_for_both_servers_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "4566")

    result = CliRunner().invoke(cli, ["run"])

    assert (result.stderr, result.exit_code) == (
        "Error: PORT and AWS_PORT are both 4566. Use two different ports.\n",
        2,
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("given"), 2),
        (CommandError("no", Exit.NO), 1),
        (FileNotFoundError(2, "No such file", "a.parquet"), 2),
        (OSError(28, "No space left on device"), 3),
        (StackError("in use"), 3),
        (EndpointConnectionError(endpoint_url="http://x/"), 3),
        (ClientError({"Error": {"Message": "no"}}, "PutObject"), 3),
    ],
)
def test_an_error_has_the_code_of_whose_fault_it_is(error: Exception, code: int) -> None:
    assert exit_code(error) == code
