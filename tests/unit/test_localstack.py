"""LocalStack is given the template without what leads in a circle, and with all else."""

from __future__ import annotations

import json
import re
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from infra.local.deploy import TEMPLATE
from infra.localstack.adapt import for_localstack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return yaml_parse(TEMPLATE.read_text())  # type: ignore[no-any-return] # a template is a dictionary


def referred(value: object) -> Iterator[str]:
    """Yield the first part of whatever is referred to, conditions or not."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0] if isinstance(each, list) else each.split(".")[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", json.dumps(each))
            yield from referred(each)
    elif isinstance(value, list):
        for each in value:
            yield from referred(each)


def test_no_resource_leads_back_to_itself_whatever_the_conditions(template: dict[str, Any]) -> None:
    resources = for_localstack(template)["Resources"]
    graph = {name: set(referred(each)) & set(resources) for name, each in resources.items()}
    assert list(TopologicalSorter(graph).static_order())


def test_nothing_else_is_left_out(template: dict[str, Any]) -> None:
    adapted = for_localstack(template)
    restored = adapted["Resources"]["ApiFunction"]["Properties"]
    for name in ("Monitoring", "DeploymentRole"):
        adapted["Resources"][name] = template["Resources"][name]
    restored["DeploymentPreference"] = template["Resources"]["ApiFunction"]["Properties"][
        "DeploymentPreference"
    ]
    assert adapted == template
