"""The SAM template, adapted to the emulators of AWS that cannot deploy all of it.

Run as a script, it adapts the built template for LocalStack.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # samtranslator ships no types

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# They deny every call without TLS, and the emulator is called without.
TLS_POLICIES = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")

BUILT = Path(__file__).parents[3] / ".aws-sam" / "build" / "template.yaml"
ADAPTED = BUILT.with_name("localstack.json")

ALIAS_PROPERTIES = (
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "DeploymentPreference",
    "VersionDescription",
)


def for_emulator(template: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Return ``template`` for the embedded emulator, with the functions' code at the S3 URL ``code``.

    The emulator ignores ANY when it imports an API: such a route becomes one route a method.
    """
    adapted = dict(copy.deepcopy(template))
    adapted["Globals"]["Function"]["CodeUri"] = code
    for name, resource in list(adapted["Resources"].items()):
        if resource["Type"] in TLS_POLICIES:
            del adapted["Resources"][name]
        elif resource["Type"] == "AWS::Serverless::Function" and "Events" in resource["Properties"]:
            resource["Properties"]["Events"] = _split_any(resource["Properties"]["Events"])
    return adapted


def for_localstack(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``template`` without the alias of the API function; the API then calls the newest code.

    LocalStack 4.14.0 cannot move an alias to another version. It creates the alias again, which fails at the
    second deployment.
    """
    adapted = dict(copy.deepcopy(template))
    for name in ALIAS_PROPERTIES:
        del adapted["Resources"]["ApiFunction"]["Properties"][name]
    return adapted


def _split_any(events: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return events with each ANY route as one route a method, except for those that other events define."""
    defined = {(e["Properties"].get("Path"), e["Properties"].get("Method")) for e in events.values()}
    split = {}
    for name, event in events.items():
        properties = event["Properties"]
        if properties.get("Method") != "ANY":
            split[name] = event
            continue
        for method in METHODS:
            if (properties.get("Path"), method) not in defined:
                split[name + method] = event | {"Properties": properties | {"Method": method}}
    return split


if __name__ == "__main__":
    ADAPTED.write_text(json.dumps(for_localstack(yaml_parse(BUILT.read_text())), indent=2))
