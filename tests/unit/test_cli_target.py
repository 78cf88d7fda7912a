from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from click.testing import CliRunner

from infra.cli import target
from infra.cli.errors import CommandError, sentence
from infra.cli.main import cli

pytestmark = pytest.mark.disable_socket

VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "PORT", "AWS_PORT", "STACK",
)  # fmt: skip


@dataclass
class Aws:
    """Stands in for a session: knows one stack, and remembers where it was asked for which."""

    asked: list[tuple[str | None, str]] = field(default_factory=list)
    error: Exception | None = None

    def client(self, service: str, endpoint_url: str | None, config: object) -> Aws:
        assert (service, config) == ("cloudformation", target.ONCE)
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
    found = target.deployed()

    assert local.asked == [("http://127.0.0.1:4566", "voucher-selector")]
    assert (found.endpoint, found.outputs) == ("http://127.0.0.1:4566", {"UploadsBucket": "uploads"})


def test_port_and_name_of_the_stack_can_be_given(local: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PORT", "4567")
    monkeypatch.setenv("STACK", "mine")

    target.deployed()

    assert local.asked == [("http://127.0.0.1:4567", "mine")]


def test_an_emulator_elsewhere_needs_neither_credentials_nor_region(
    local: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://emulator.test:4566")

    target.deployed()

    assert local.asked == [("http://emulator.test:4566", "voucher-selector")]


def test_variables_that_make_passes_on_empty_count_as_not_given(
    local: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "STACK", "PORT", "AWS_PORT"):
        monkeypatch.setenv(name, "")

    target.deployed()

    assert local.asked == [("http://127.0.0.1:4566", "voucher-selector")]


def test_a_stack_that_is_not_there_is_named(local: Aws) -> None:
    local.error = ClientError({"Error": {"Code": "ValidationError", "Message": "gone"}}, "DescribeStacks")

    with pytest.raises(
        CommandError, match=r"There is no stack 'voucher-selector' at http://127\.0\.0\.1:4566; start"
    ):
        target.deployed()


def test_aws_itself_is_not_asked_without_a_region(local: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "aws")

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    assert (result.stderr, result.exit_code) == ("Error: There is no AWS region; set AWS_REGION\n", 1)
    assert local.asked == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            EndpointConnectionError(endpoint_url="http://x/"),
            "http://x/ does not answer; start the stack with: make run",
        ),
        (NoCredentialsError(), "There are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID"),
        (NoRegionError(), "There is no AWS region; set AWS_REGION"),
        (ClientError({"Error": {"Message": "no"}}, "PutObject"), "PutObject was refused: no"),
        (PermissionError(13, "Permission denied", "a.parquet"), "a.parquet: Permission denied"),
        (CommandError("one\n  line"), "one line"),
    ],
)
def test_an_error_becomes_one_sentence(error: Exception, said: str) -> None:
    assert sentence(error) == said
