"""Deployment of the template to the AWS emulator."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.session import Session as CoreSession
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # samtranslator ships no types

from voucher_selector.errors import StackError
from voucher_selector.local_stack.emulator import REGION
from voucher_selector.local_stack.template import for_emulator

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = ROOT / "functions"
STACK_NAME = "voucher-selector"
CODE_BUCKET = "voucher-selector-code"
POLL_SECONDS = 0.1

NO_USER_SETTINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore's settings that lead to files of the user: key in a file, variable, default, conversion."""


def session() -> boto3.Session:
    """Return a session for the emulator, with its credentials and region and none of the user's settings."""
    core = CoreSession(NO_USER_SETTINGS)
    core.set_default_client_config(Config(proxies={}))
    return boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        region_name=REGION,
        botocore_session=core,
    )


def deploy(
    endpoint: str, parameters: Mapping[str, str], *, template: Path = TEMPLATE, functions: Path = FUNCTIONS
) -> dict[str, str]:
    """Deploy ``template`` with the packages under ``functions`` to the emulator at ``endpoint``.

    The emulator runs the functions with its own interpreter and packages, which need no build.

    Returns:
        The stack's outputs, value by name.

    Raises:
        StackError: if the deployment fails.
    """
    archive = pack(functions)
    key = f"{hashlib.sha256(archive).hexdigest()}.zip"
    s3 = session().client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket=CODE_BUCKET)
    s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=archive)
    cloudformation = session().client("cloudformation", endpoint_url=endpoint)
    # On a local stack an upload must show in the next answer, and who opens its page may do anything to it.
    values = {"EndpointUrl": endpoint, "AnswerCacheSeconds": "0", "PageUploads": "true", **parameters}
    try:
        cloudformation.create_stack(
            StackName=STACK_NAME,
            TemplateBody=json.dumps(
                for_emulator(yaml_parse(template.read_text()), f"s3://{CODE_BUCKET}/{key}")
            ),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except cloudformation.exceptions.ClientError as error:
        raise StackError(f"The deployment failed: {error.response['Error']['Message']}") from error
    return _wait_until_complete(cloudformation)


def pack(functions: Path) -> bytes:
    """Return a zip archive of the packages under ``functions``; the same sources give the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(functions.glob("*/**/*")):
            if path.is_file() and "__pycache__" not in path.parts:
                packed.writestr(zipfile.ZipInfo(path.relative_to(functions).as_posix()), path.read_bytes())
    return archive.getvalue()


def _wait_until_complete(cloudformation: CloudFormationClient) -> dict[str, str]:
    """Return the outputs of the stack; if it fails, raise the first reason, which causes the others."""
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            break
        time.sleep(POLL_SECONDS)
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    failures = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    first = min(failures, key=lambda event: event["Timestamp"])
    reason = first.get("ResourceStatusReason", "no reason given")
    raise StackError(f"The deployment failed: {first['LogicalResourceId']}: {reason}")
