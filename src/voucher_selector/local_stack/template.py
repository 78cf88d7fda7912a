"""What has to be said differently in the template for the emulator to understand it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    Route = tuple[str | None, str | None]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# They refuse every call without TLS, and the emulator is called without.
TLS_POLICIES = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")


def for_emulator(template: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Return ``template`` with its functions' code at the S3 URL ``code``, ready for the emulator."""
    adapted = dict(copy.deepcopy(template))
    adapted["Globals"]["Function"]["CodeUri"] = code
    adapted["Resources"] = {
        name: _with_methods(resource)
        for name, resource in adapted["Resources"].items()
        if resource["Type"] not in TLS_POLICIES
    }
    return adapted


def _with_methods(resource: dict[str, Any]) -> dict[str, Any]:
    """Spell out a function's routes for any method: the emulator passes over ANY when it imports an API."""
    events = resource.get("Properties", {}).get("Events")
    if not events or resource["Type"] != "AWS::Serverless::Function":
        return resource
    named = {_route(event) for event in events.values()}
    spelt = {
        key: event for name, each in events.items() for key, event in _by_method(name, each, named).items()
    }
    return resource | {"Properties": resource["Properties"] | {"Events": spelt}}


def _by_method(name: str, event: dict[str, Any], named: Container[Route]) -> dict[str, Any]:
    properties = event["Properties"]
    if properties.get("Method") != "ANY":
        return {name: event}
    spelt = {name + method: event | {"Properties": properties | {"Method": method}} for method in METHODS}
    return {key: each for key, each in spelt.items() if _route(each) not in named}


def _route(event: dict[str, Any]) -> Route:
    return event["Properties"].get("Path"), event["Properties"].get("Method")
