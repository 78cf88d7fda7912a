"""The documents on deployment name what there is, and everything that there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scripts.check_deployment import MAX_BUCKET_NAME, SUFFIX, check_name
from tests.infrastructure.test_samconfig import CONFIG, deploy, overrides
from tests.support.sam_template import transformed
from voucher_selector.local_stack.deploy import ROOT

if TYPE_CHECKING:
    from tests.support.sam_template import Template

DEPLOYMENT = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
LENS = (ROOT / "docs" / "explanation" / "well-architected.md").read_text()
CONFIGURATION = (ROOT / "docs" / "reference" / "configuration.md").read_text()
COMMANDS = (ROOT / "docs" / "reference" / "command-line.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
UNRESERVED = 100
"""Lambda's minimum of unreserved concurrency, from the documentation of PutFunctionConcurrency."""

ROW = re.compile(r"^\| (`[A-Z]\w+`(?:, `[A-Z]\w+`)*) \|([^|]*)\|", re.MULTILINE)
PLACE = re.compile(r"`((?:infra|tests|functions|ingest|api|requirements)/[\w./*-]+|[\w-]+\.(?:yaml|toml))`")


def test_every_parameter_is_explained_with_its_default(template: Template) -> None:
    explained: dict[str, str] = {}
    for names, defaults in ROW.findall(DEPLOYMENT):
        values = [value.strip("` ") for value in defaults.split(",")]
        explained |= dict(zip(re.findall(r"\w+", names), values, strict=True))
    assert explained == template.parameters


@pytest.mark.parametrize("function", ["IngestFunction", "ApiFunction"])
def test_every_variable_of_a_function_is_in_the_configuration_reference(
    template: Template, function: str
) -> None:
    variables = template.properties(function)["Environment"]["Variables"]
    assert [name for name in variables if f"| `{name}` |" not in CONFIGURATION] == []


def test_every_variable_that_make_exports_is_in_the_reference() -> None:
    exported = " ".join(re.findall(r"^export (.+)$", MAKEFILE, re.MULTILINE)).split()
    assert [name for name in exported if not re.search(rf"\b{name}\b", CONFIGURATION + COMMANDS)] == []


def test_the_deployment_names_the_stages_that_are_configured() -> None:
    named = re.findall(r"scripts/sam deploy.* --config-env (\w+)", DEPLOYMENT)
    assert {"account", "dev", "prod"} < set(named) <= set(CONFIG)


def test_a_stack_that_is_named_is_a_stages() -> None:
    named = set(re.findall(r"voucher-selector-(?:dev|prod)\b", DEPLOYMENT))
    assert named == {deploy(stage)["stack_name"] for stage in ("dev", "prod")}


def test_the_quota_that_prod_needs_is_that_of_the_document() -> None:
    prod = transformed(**overrides("prod"))
    names = ("ApiReservedConcurrency", "IngestReservedConcurrency")
    reserved = sum(int(prod.parameters[name]) for name in names)
    assert f"keeps {UNRESERVED} concurrent executions of an account and region unreserved" in DEPLOYMENT
    assert (
        f"reserves {reserved} for its functions, so it needs a quota of at least\n{UNRESERVED + reserved}."
        in DEPLOYMENT
    )


@pytest.mark.parametrize("region", ["ap-northeast-1", "eu-central-1", "us-east-1"])
def test_the_longest_names_are_those_of_the_check(region: str) -> None:
    longest = MAX_BUCKET_NAME - SUFFIX - len(region)
    assert check_name("v" * longest, region) is None
    assert check_name("v" * (longest + 1), region)
    assert (
        f"{longest} characters" in DEPLOYMENT
        or f"{longest} in\n`{region}`" in DEPLOYMENT
        or f"{longest} in `{region}`" in DEPLOYMENT
    )


def test_the_answers_of_the_lens_are_where_it_says() -> None:
    places = set(PLACE.findall(LENS))
    assert len(places) > 15
    found = {place: [*ROOT.glob(place), *(ROOT / "functions").glob(place)] for place in places}
    assert [place for place, there in found.items() if not there] == []


def test_the_parameters_of_the_lens_are_those_of_the_template(template: Template) -> None:
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", LENS)) - {"MethodSettings", "GetItem"}
    assert named <= set(template.body["Parameters"])
    assert "KmsKeyArn" in named
