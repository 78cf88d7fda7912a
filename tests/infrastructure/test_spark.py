"""Spark on EMR Serverless: optional, with the permissions and the image that the job needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import Session
from moto import mock_aws

from ingest.commit import chunks
from tests.support.crash_injection import calls
from tests.support.datasets import DATASET, count
from tests.support.sam_template import KEY, Template, listed, transformed
from tests.support.sample_files import body
from tests.support.stack_harness import ACCOUNT, StackHarness
from voucher_selector.local_stack.deploy import ROOT
from voucher_selector.operations.dataset_run import IMAGE_JOB
from voucher_selector.spark_job import clients

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "infra" / "spark"
DEPLOYMENT = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/voucher-selector-spark@sha256:0"
NEEDS = {
    "DeleteObject": {"s3:DeleteObject"},
    "DeleteObjects": {"s3:DeleteObject"},
    "GetItem": {"dynamodb:GetItem"},
    "GetObject": {"s3:GetObject"},
    "HeadObject": {"s3:GetObject"},
    "ListObjectsV2": {"s3:ListBucket"},
    "PutObject": {"s3:PutObject"},
    "TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
    "UpdateItem": {"dynamodb:UpdateItem"},
}
"""The permission of each call, from AWS's Service Authorization Reference."""

OPTIONAL = {"setuptools"}
"""What an environment's start imports where it is there."""


@pytest.fixture
def spark() -> Template:
    return transformed(FOLDER / "spark.yaml", KmsKeyArn=KEY, Architecture="x86_64")


def test_there_is_no_spark_unless_an_image_is_named(template: Template) -> None:
    assert "Spark" not in template.resources
    assert "Spark" not in transformed(SparkImage=IMAGE, EndpointUrl="http://127.0.0.1:4566").resources
    assert {"SparkApplication", "SparkRole"} < transformed(SparkImage=IMAGE).outputs
    nested = transformed(SparkImage=IMAGE).properties("Spark")
    assert (ROOT / nested["TemplateURL"]).samefile(FOLDER / "spark.yaml")
    assert set(nested["Parameters"]) | {"Release"} == set(transformed(FOLDER / "spark.yaml").parameters)


def test_the_job_may_do_what_it_does_and_nothing_else(
    spark: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = calls_of_runs(monkeypatch)
    assert {"TransactWriteItems", "PutObject", "DeleteObjects"} < made
    needed = {action for name in made for action in NEEDS[name]}
    actions = [action for s in spark.statements("JobRole") for action in listed(s["Action"])]
    allowed = {action for action in actions if action.startswith(("s3:", "dynamodb:"))}
    assert needed <= allowed
    assert allowed == needed


def calls_of_runs(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the calls of runs that count, replace, fail, take several transactions, and delete."""
    monkeypatch.setattr(chunks, "MAX_CELLS", 2)
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    with mock_aws(), calls() as made:
        for client in (clients.s3_client, clients.dynamodb_client):
            client.cache_clear()
        harness = StackHarness().create()
        made.made.clear()
        for content in ("dirty", "china", "broken", None):
            if content:
                harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet", Body=body(content))
            else:
                harness.s3.delete_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet")
            made.made.pop()
            count(harness)
        return set(made.made)


def test_of_results_the_job_touches_its_own_alone(spark: Template) -> None:
    results = "arn:${AWS::Partition}:s3:::${ResultsBucket}"
    (kept,) = (s for s in spark.statements("JobRole") if s["Sid"] == "KeepResults")
    assert [resource["Fn::Sub"].removeprefix(results) for resource in kept["Resource"]] == [
        "/contributions/datasets/*",
        "/rejected/datasets/*",
        "/runs/*",
    ]


def test_all_is_encrypted_with_a_key_of_ones_own(spark: Template) -> None:
    (application,) = spark.of_type("EMRServerless::Application").values()
    reported = [log["EncryptionKeyArn"] for log in application["MonitoringConfiguration"].values()]
    assert reported == [{"Ref": "KmsKeyArn"}] * 2
    assert spark.properties("Logs")["KmsKeyId"] == {"Ref": "KmsKeyArn"}


def test_nothing_is_paid_for_while_nothing_is_counted(spark: Template) -> None:
    (application,) = spark.of_type("EMRServerless::Application").values()
    assert application["AutoStopConfiguration"]["Enabled"] is True
    assert "InitialCapacity" not in application


def test_old_images_are_forgotten_and_the_newest_stay() -> None:
    (repository,) = transformed(FOLDER / "registry.yaml").of_type("ECR::Repository").values()
    untagged, older = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert untagged["selection"]["tagStatus"] == "untagged"
    assert older["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}
    assert {rule["action"]["type"] for rule in (untagged, older)} == {"expire"}


def test_an_application_stops_before_it_can_be_changed(spark: Template) -> None:
    model = Session().get_service_model("emr-serverless")
    for operation in ("UpdateApplication", "DeleteApplication"):
        assert "has to be in a stopped or created state" in model.operation_model(operation).documentation
    (application,) = spark.of_type("EMRServerless::Application").values()
    assert application["AutoStopConfiguration"]["IdleTimeoutMinutes"] == 5
    assert "The application stops five minutes\nafter its last run" in DEPLOYMENT
    assert "aws emr-serverless stop-application --application-id" in DEPLOYMENT


@pytest.mark.parametrize("given", ["", "sha256:0"])
def test_the_base_of_the_image_can_be_pinned_to_a_digest(tmp_path: Path, given: str) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$@" >>"$CALLS"\n')
    docker.chmod(0o755)
    calls = tmp_path / "calls"
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"REPOSITORY": "r", "CALLS": str(calls), "DIGEST": given}
    subprocess.run([str(ROOT / "scripts/spark-image")], env=environment, check=True, capture_output=True)  # noqa: S603 - a script of ours
    assert f"--build-arg DIGEST={given} --file" in calls.read_text()
    assert "FROM public.ecr.aws/emr-serverless/spark/${RELEASE}:latest${DIGEST:+@${DIGEST}}\n" in DOCKERFILE


def test_the_release_of_image_template_and_tests_is_one(spark: Template) -> None:
    assert re.search(r"^ARG RELEASE=(\S+)$", DOCKERFILE, re.MULTILINE)[1] == spark.parameters["Release"]  # type: ignore[index] # the line exists


def test_the_image_holds_the_job_and_all_that_it_imports(tmp_path: Path) -> None:
    """Copy the files of the Dockerfile, and import the job with the packages of the image."""
    root = tmp_path / "opt"
    for source, target in re.findall(r"^COPY (\S+) /opt/voucher-selector/(\S+)$", DOCKERFILE, re.MULTILINE):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / source, root / target)
    assert (root / IMAGE_JOB.removeprefix("local:///opt/voucher-selector/")).is_file()

    job = "voucher_selector.spark_job"
    found = imported(root, f"{job}.job", f"{job}.counting", f"{job}.iceberg", "deltalake")

    own = {name for name, file in found.items() if file.startswith(str(root))}
    modules = {name.split(".")[0] for name, file in found.items() if "site-packages" in file}
    packages = packages_distributions()
    foreign = {
        package.lower().replace("_", "-") for name in modules for package in packages.get(name, [name])
    }
    installed = {
        line.split("==")[0]
        for line in (ROOT / "requirements/emr.txt").read_text().splitlines()
        if "==" in line
    }
    assert {"voucher_selector.spark_job.job", "ingest.counting.count_file", "vouchers.segments"} <= own
    assert foreign - OPTIONAL <= installed


def imported(root: Path, *modules: str) -> dict[str, str]:
    """Return what a process has imported with these modules, and from where."""
    script = (
        f"import importlib, json, sys\nfor name in {modules}: importlib.import_module(name)\n"
        "print(json.dumps({n: getattr(m, '__file__', None) or '' for n, m in sys.modules.items()}))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{root / 'functions'}{os.pathsep}{root / 'src'}"}
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-P", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    contents: dict[str, Any] = json.loads(ended.stdout)
    return contents
