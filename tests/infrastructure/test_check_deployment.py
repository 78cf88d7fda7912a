"""What is checked before a deployment: the stack's name, and the processor of the build."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.check_deployment import MACHINES, find_fault
from tests.infrastructure.test_samconfig import CONFIG, STAGES
from voucher_selector.local_stack.deploy import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sam_template import Template

MAX_IN_FRANKFURT = 63 - len("-uploads-123456789012-eu-central-1")


def fault(tmp_path: Path, *arguments: str, **environment: str) -> str | None:
    return find_fault(arguments, CONFIG, environment, tmp_path)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_of_samconfig_has_no_fault(tmp_path: Path, stage: str) -> None:
    assert fault(tmp_path, "--config-env", stage) is None


@pytest.mark.parametrize(
    "name", ["Voucher-Selector", "voucher_selector", "1-selector", "-selector", "vouchér"]
)
def test_a_name_that_no_bucket_can_have_is_refused(tmp_path: Path, name: str) -> None:
    sentence = fault(tmp_path, "--stack-name", name)
    assert sentence
    assert sentence.startswith(f"Invalid stack name '{name}'. Use lower-case letters")


def test_a_name_may_be_as_long_as_its_region_allows(tmp_path: Path) -> None:
    longest = "v" * MAX_IN_FRANKFURT
    assert fault(tmp_path, "--stack-name", longest, AWS_REGION="eu-central-1") is None
    assert fault(tmp_path, f"--stack-name={longest}", "--region", "eu-central-1") is None
    sentence = fault(tmp_path, "--stack-name", longest + "v", AWS_DEFAULT_REGION="eu-central-1")
    assert sentence
    assert f"has {MAX_IN_FRANKFURT + 1} characters" in sentence
    assert f"at most {MAX_IN_FRANKFURT} in eu-central-1" in sentence


def test_without_a_region_a_name_must_fit_the_longest(tmp_path: Path) -> None:
    assert fault(tmp_path, "--stack-name", "v" * 27) is None
    sentence = fault(tmp_path, "--stack-name", "v" * 28)
    assert sentence
    assert "at most 27 to fit every region" in sentence


def test_no_other_name_is_longer_than_that_of_a_bucket(template: Template) -> None:
    """Function names may have 64 characters, queue names 80, log groups 512, tables 255."""
    names = [template.properties(f)["FunctionName"]["Fn::Sub"] for f in ("IngestFunction", "ApiFunction")]
    names.append(template.properties("FailedEventsQueue")["QueueName"]["Fn::Sub"])
    bucket = template.properties("UploadsBucket")["BucketName"]["Fn::Sub"]
    assert bucket == "${AWS::StackName}-uploads-${AWS::AccountId}-${AWS::Region}"
    for name in names:
        assert len(name.removeprefix("${AWS::StackName}")) < len("-uploads-123456789012-us-east-1")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("stack", ["x86_64", "arm64"])
def test_a_build_for_another_processor_is_refused(tmp_path: Path, machine: str, stack: str) -> None:
    library = tmp_path / "ApiFunction" / "msgspec" / f"_core.cpython-313-{machine}-linux-gnu.so"
    library.parent.mkdir(parents=True)
    library.touch()
    sentence = fault(tmp_path, "--parameter-overrides", f"Architecture={stack}", "LogLevel=INFO")
    assert (sentence is None) == (MACHINES[machine] == stack)
    assert sentence is None or sentence.endswith(f"Run: make build ARCH={stack}")


@pytest.mark.parametrize("environment", ["account", "registry", "localstack"])
def test_templates_without_buckets_are_not_checked(tmp_path: Path, environment: str) -> None:
    assert fault(tmp_path, "--config-env", environment, "--stack-name", "Any_Name") is None


def test_the_script_stops_before_sam_is_called() -> None:
    ended = subprocess.run(  # noqa: S603 - a script of ours
        [str(ROOT / "scripts/sam"), "deploy", "--stack-name", "Upper"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("Invalid stack name 'Upper'")
    assert ended.stdout == ""
