"""Deployments by SAM CLI of the built stack with samconfig.toml, to an emulator of AWS."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.infrastructure.test_samconfig import deploy, overrides
from voucher_selector.local_stack.deploy import ROOT, session
from voucher_selector.local_stack.emulator import REGION, emulator
from voucher_selector.local_stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with emulator(free_port()) as address:
        yield address


def run(endpoint: str, *arguments: str) -> str:
    """Run SAM CLI without confirmations; return its output."""
    caller = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(  # noqa: S603 - the project's own script
        [str(ROOT / "scripts" / "sam"), *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **caller, "AWS_ENDPOINT_URL": endpoint},
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("environment", ["account", "dev"])
def test_a_deployment_ends_in_a_stack_with_its_name_and_tags(endpoint: str, environment: str) -> None:
    # The emulator does not support alarms on metric math.
    here = {"EndpointUrl": endpoint} if environment == "dev" else {}
    given = [f"{name}={value}" for name, value in {**overrides(environment), **here}.items()]
    chosen = ["--parameter-overrides", *given] if given else []
    message = run(endpoint, "deploy", "--config-env", environment, "--no-confirm-changeset", *chosen)

    assert "Successfully created/updated stack" in message
    cloudformation = session().client("cloudformation", endpoint_url=endpoint)
    (stack,) = cloudformation.describe_stacks(StackName=deploy(environment)["stack_name"])["Stacks"]
    assert stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    tags = [f"{tag['Key']}={tag['Value']}" for tag in stack["Tags"]]
    assert tags == deploy(environment).get("tags", [])


def test_the_alarms_are_packaged_with_the_stack(endpoint: str) -> None:
    packaged = run(endpoint, "package", "--resolve-s3")

    assert "TemplateURL: http" in packaged
    assert "infra/monitoring.yaml" not in packaged
