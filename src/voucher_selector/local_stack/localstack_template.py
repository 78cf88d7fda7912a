"""What has to be left out of the built template for LocalStack to deploy it more than once.

LocalStack 4.14.0 has no way to lead an alias to another version of a function: it makes the alias again, and
fails because it is there. Without an alias the API calls the function's newest code.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT = Path(__file__).parents[3] / ".aws-sam" / "build" / "template.yaml"
ADAPTED = BUILT.with_name("localstack.json")

OF_VERSIONS = (
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "DeploymentPreference",
    "VersionDescription",
)


def for_localstack(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``template`` without versions of the API function."""
    adapted = dict(copy.deepcopy(template))
    for name in OF_VERSIONS:
        del adapted["Resources"]["ApiFunction"]["Properties"][name]
    return adapted


if __name__ == "__main__":
    ADAPTED.write_text(json.dumps(for_localstack(yaml_parse(BUILT.read_text())), indent=2))
