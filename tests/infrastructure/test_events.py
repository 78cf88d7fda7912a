"""The ingest function and the Spark job may send events only to the event bus that the parameter names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.sam_template import Template, transformed
from voucher_selector.local_stack.deploy import ROOT, TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

PLACES = [(TEMPLATE, "IngestRole"), (ROOT / "infra" / "spark" / "spark.yaml", "JobRole")]
BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"


def test_by_default_no_bus_is_named_and_no_role_may_send(template: Template) -> None:
    assert template.parameters["EventBusName"] == ""
    for path, role in PLACES:
        assert "events:" not in str(transformed(path, EventBusName="").statements(role))


@pytest.mark.parametrize(("path", "role"), PLACES, ids=["ingest", "spark"])
def test_a_role_may_send_the_events_of_the_product_to_one_bus(path: Path, role: str) -> None:
    template = transformed(path, EventBusName="crm")
    (send,) = (statement for statement in template.statements(role) if statement["Sid"] == "SendEvents")
    assert (send["Action"], send["Resource"]) == ("events:PutEvents", {"Fn::Sub": BUS})
    assert send["Condition"] == {"ForAllValues:StringEquals": {"events:source": "voucher-selector"}}


def test_the_ingest_and_the_spark_job_know_the_bus() -> None:
    template = transformed(EventBusName="crm", SparkImage="123456789012.dkr.ecr.eu-central-1.amazonaws.com/a")
    named = {"Ref": "EventBusName"}
    assert template.properties("IngestFunction")["Environment"]["Variables"]["EVENT_BUS"] == named
    assert template.properties("Spark")["Parameters"]["EventBusName"] == named


@pytest.mark.parametrize(
    ("name", "right"), [("", True), ("default", True), ("crm/a-b_c.1", True), ("a:b", False)]
)
def test_a_bus_is_given_by_its_name(template: Template, name: str, right: bool) -> None:
    pattern = template.body["Parameters"]["EventBusName"]["AllowedPattern"]
    assert (re.search(pattern, name) is not None) is right
