"""Stages of samconfig.toml: their parameters exist in the templates, and their stacks are separate."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.support.sam_template import Template, transformed
from voucher_selector.local_stack.deploy import TEMPLATE

CONFIG = tomllib.loads(TEMPLATE.with_name("samconfig.toml").read_text())
STAGES = ("dev", "prod")
DEPLOYED = ("account", "registry", *STAGES)


def deploy(environment: str) -> dict[str, Any]:
    sections = CONFIG[environment]
    return {**sections.get("global", {}).get("parameters", {}), **sections["deploy"]["parameters"]}


def overrides(environment: str) -> dict[str, str]:
    given = deploy(environment).get("parameter_overrides", [])
    return dict(parameter.split("=", 1) for parameter in given)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_sets_what_the_template_takes(template: Template, stage: str) -> None:
    assert overrides(stage)
    for name, value in overrides(stage).items():
        parameter = template.body["Parameters"][name]
        assert value in map(str, parameter.get("AllowedValues", [value]))
        assert re.search(parameter.get("AllowedPattern", ""), value)


def test_every_deployment_has_a_stack_and_a_place_for_its_code_of_its_own() -> None:
    assert len({deploy(name)["stack_name"] for name in DEPLOYED}) == len(DEPLOYED)
    assert len({deploy(name)["s3_prefix"] for name in DEPLOYED}) == len(DEPLOYED)
    assert all(deploy(name)["resolve_s3"] for name in DEPLOYED)


@pytest.mark.parametrize("environment", DEPLOYED)
def test_nothing_is_changed_before_somebody_has_looked(environment: str) -> None:
    assert deploy(environment)["confirm_changeset"] is True


@pytest.mark.parametrize("environment", DEPLOYED)
def test_the_capabilities_are_enough_and_no_more(environment: str) -> None:
    path = TEMPLATE.parent / deploy(environment).get("template_file", TEMPLATE.name)
    roles = transformed(path, **overrides(environment)).of_type("IAM::Role")
    assert not [name for name, role in roles.items() if "RoleName" in role]
    assert deploy(environment).get("capabilities") == ("CAPABILITY_IAM" if roles else None)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_resources_say_what_they_belong_to(stage: str) -> None:
    assert deploy(stage)["tags"] == ["Project=voucher-selector", f"Stage={stage}"]


def test_dev_needs_no_quota_and_can_be_deleted() -> None:
    dev = transformed(**overrides("dev"))
    for function in dev.of_type("Lambda::Function").values():
        assert "ReservedConcurrentExecutions" not in function
    assert not [t for t in dev.of_type("DynamoDB::Table").values() if t["DeletionProtectionEnabled"]]


def test_prod_runs_on_the_cheaper_processor() -> None:
    prod = transformed(**overrides("prod"))
    for function in prod.of_type("Lambda::Function").values():
        assert function["Architectures"] == [{"Ref": "Architecture"}]
    assert prod.parameters["Architecture"] == "arm64"


def test_prod_is_protected_and_changed_gradually() -> None:
    prod = transformed(**overrides("prod"))
    assert all(t["DeletionProtectionEnabled"] for t in prod.of_type("DynamoDB::Table").values())
    assert "UpdatePolicy" in prod.resources["ApiFunctionAliaslive"]
    assert int(prod.parameters["LogRetentionDays"]) >= 365


def test_nothing_that_is_deployed_to_aws_looks_for_an_emulator() -> None:
    assert not [stage for stage in STAGES if "EndpointUrl" in overrides(stage)]
