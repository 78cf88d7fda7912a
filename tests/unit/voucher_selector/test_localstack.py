"""The template for LocalStack omits only the properties that LocalStack cannot update."""

from __future__ import annotations

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

from voucher_selector.local_stack.deploy import TEMPLATE
from voucher_selector.local_stack.template import ALIAS_PROPERTIES, for_localstack


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return yaml_parse(TEMPLATE.read_text())  # type: ignore[no-any-return] # a template is a dictionary


def test_the_api_calls_the_function_and_no_version_of_it(template: dict[str, Any]) -> None:
    left = for_localstack(template)["Resources"]["ApiFunction"]["Properties"]
    assert not [name for name in left if "Alias" in name or "Version" in name or "Deployment" in name]


def test_nothing_else_is_left_out(template: dict[str, Any]) -> None:
    adapted = for_localstack(template)
    restored = adapted["Resources"]["ApiFunction"]["Properties"]
    for name in ALIAS_PROPERTIES:
        restored[name] = template["Resources"]["ApiFunction"]["Properties"][name]
    assert adapted == template
