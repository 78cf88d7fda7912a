"""The templates after SAM's transform, with their conditions evaluated."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from samtranslator.translator.transform import transform  # type: ignore[import-untyped] # it ships none
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from voucher_selector.local_stack.deploy import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

Properties = dict[str, Any]

NOTHING = {"Ref": "AWS::NoValue"}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"


@dataclass(frozen=True)
class Template:
    """A template and the values of its parameters; ``resources`` has those whose conditions hold."""

    body: dict[str, Any]
    parameters: dict[str, str]
    conditions: dict[str, bool]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        content = self.body["Resources"].items()
        return {n: self._worked_out(r) for n, r in content if self.conditions.get(r.get("Condition"), True)}

    @property
    def outputs(self) -> set[str]:
        content = self.body["Outputs"].items()
        return {name for name, output in content if self.conditions.get(output.get("Condition"), True)}

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Return the properties of each resource of a type, as in ``S3::Bucket``."""
        content = self.resources.items()
        return {
            name: resource.get("Properties", {})
            for name, resource in content
            if resource["Type"] == f"AWS::{kind}"
        }

    def properties(self, name: str) -> Properties:
        content: Properties = self.resources[name]["Properties"]
        return content

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role's policies."""
        policies = self.properties(role)["Policies"]
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def _worked_out(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._worked_out(item) for item in node if self._chosen(item) != NOTHING]
        if not isinstance(node, dict):
            return node
        if "Fn::If" in node:
            return self._worked_out(self._chosen(node))
        return {key: self._worked_out(value) for key, value in node.items() if self._chosen(value) != NOTHING}

    def _chosen(self, node: Any) -> Any:
        while isinstance(node, dict) and "Fn::If" in node:
            condition, so, otherwise = node["Fn::If"]
            node = so if self.conditions[condition] else otherwise
        return node


def transformed(path: Path = TEMPLATE, /, **given: str) -> Template:
    """Return a template as it is deployed with the parameters ``given``, and the default of all others."""
    declared = yaml_parse(path.read_text())
    if "Globals" in declared:
        declared["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    defaults = {n: str(p.get("Default", "")) for n, p in declared.get("Parameters", {}).items()}
    assert set(given) <= set(defaults), f"{path.name} has no such parameter"
    parameters = defaults | given
    if "Transform" in declared:
        with patch.dict(os.environ, AWS_DEFAULT_REGION="eu-central-1"):
            declared = transform(declared, dict(parameters), SimpleNamespace(load=dict))
    conditions = {n: _holds(c, parameters) for n, c in declared.get("Conditions", {}).items()}
    return Template(declared, parameters, conditions)


def _holds(condition: dict[str, Any], parameters: dict[str, str]) -> bool:
    ((function, arguments),) = condition.items()
    if function == "Fn::Equals":
        one, other = (_value(argument, parameters) for argument in arguments)
        return one == other
    content = [_holds(argument, parameters) for argument in arguments]
    return {"Fn::Not": not content[0], "Fn::And": all(content), "Fn::Or": any(content)}[function]


def _value(node: Any, parameters: dict[str, str]) -> str:
    return parameters[node["Ref"]] if isinstance(node, dict) else str(node)


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
