"""Checkov's checks of the templates, before and after SAM's transform."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from tests.support.sam_template import KEY, transformed
from voucher_selector.local_stack.deploy import ROOT, TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = (TEMPLATE, *sorted((ROOT / "infra").glob("*.yaml")), *sorted((ROOT / "infra/spark").glob("*.yaml")))
FULLY_SET = {
    "AccessLogBucket": "logs",
    "ApiTrafficShift": "Canary10Percent5Minutes",
    "CallerAccounts": "111111111111",
    "CorsOrigin": "https://crm.example.com",
    "DeletionProtection": "true",
    "KmsKeyArn": KEY,
}


@pytest.mark.scan
@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_a_template_as_it_is_written_has_nothing_insecure(path: Path) -> None:
    assert failed(path) == []


@pytest.mark.scan
def test_the_stack_with_all_that_it_can_be_given_has_nothing_insecure(tmp_path: Path) -> None:
    assert failed(_written(tmp_path, transformed(**FULLY_SET).resources)) == []


@pytest.mark.scan
def test_an_open_bucket_would_be_found(tmp_path: Path) -> None:
    resources = transformed(**FULLY_SET).resources
    del resources["UploadsBucket"]["Properties"]["PublicAccessBlockConfiguration"]
    found = failed(_written(tmp_path, resources))
    assert {resource for _, resource in found} == {"AWS::S3::Bucket.UploadsBucket"}


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_what_checkov_is_to_pass_over_has_its_reason(path: Path) -> None:
    resources = yaml_parse(path.read_text())["Resources"].values()
    skipped = [s for r in resources for s in r.get("Metadata", {}).get("checkov", {}).get("skip", [])]
    assert [skip for skip in skipped if len(skip["comment"]) < 40] == []


def _written(folder: Path, resources: dict[str, Any]) -> Path:
    # SAM keeps what Checkov is to pass over for the API, and not for its stage.
    resources["ApiliveStage"]["Metadata"] = resources["Api"]["Metadata"]
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return path


def failed(path: Path) -> list[tuple[str, str]]:
    """Return the checks that failed, each with the resource."""
    command = [str(ROOT / "scripts" / "checkov"), "--output", "json", "--soft-fail", "--file", str(path)]
    message = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603 - our own script
    # Where it knows no check for anything in a template, it says less.
    found: list[dict[str, Any]] = message.get("results", {"failed_checks": []})["failed_checks"]
    return [(check["check_id"], check["resource"]) for check in found]
