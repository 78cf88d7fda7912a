"""What has to be left out of the built template for LocalStack to deploy it more than once.

LocalStack follows references even where a condition keeps a resource away. The alarms and the role of gradual
deployment refer to the API's function, and its deployment to them: a circle that AWS never sees, as SAM puts
the deployment into a resource of its own, and that LocalStack follows without end when a stack is changed.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships none

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT = Path(__file__).parents[2] / ".aws-sam" / "build" / "template.yaml"
ADAPTED = BUILT.with_name("localstack.json")

ON_AWS_ALONE = ("Monitoring", "DeploymentRole")


def for_localstack(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``template`` without alarms and gradual deployment, which need AWS."""
    adapted = dict(copy.deepcopy(template))
    for name in ON_AWS_ALONE:
        del adapted["Resources"][name]
    del adapted["Resources"]["ApiFunction"]["Properties"]["DeploymentPreference"]
    return adapted


if __name__ == "__main__":
    ADAPTED.write_text(json.dumps(for_localstack(yaml_parse(BUILT.read_text())), indent=2))
