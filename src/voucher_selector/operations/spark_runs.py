"""Where a run of the Spark job happens: on this machine, or on EMR Serverless where the stack has that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from voucher_selector.errors import CommandError, Exit
from voucher_selector.local_stack.emulator import LOGS, SUPERVISOR, short

if TYPE_CHECKING:
    from voucher_selector.spark_job.order import Order
    from voucher_selector.stack import Deployed

ROOT = Path(__file__).parents[3]
JOB = ROOT / "src" / "voucher_selector" / "spark_job" / "job.py"
IMAGE_JOB = "local:///opt/voucher-selector/src/voucher_selector/spark_job/job.py"
"""The same in the image of infra/spark/Dockerfile."""

ENDED = {"SUCCESS", "FAILED", "CANCELLED"}
"""States in which EMR Serverless has nothing more to do for a job run."""

ON_LOOPBACK = ("spark.ui.enabled=false", "spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1")


class SparkRun(Protocol):
    """A run that was started."""

    def ended(self) -> bool:
        """Say whether it has ended, well or not."""

    def stop(self) -> None:
        """Break it off."""

    def traces(self) -> str:
        """Say where its log is, and what it ended with."""


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run on this machine, which ends with this process, however that ends."""

    process: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> bool:
        """Say whether it has ended, well or not."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Break it off."""
        self.process.communicate()

    def traces(self) -> str:
        """Say where its log is."""
        return f"its log is {short(self.log)}"


@dataclass(frozen=True, slots=True)
class EmrRun:
    """A job run of EMR Serverless."""

    client: Any
    application: str
    job_run: str

    def ended(self) -> bool:
        """Say whether it has ended, well or not."""
        return self._now()["state"] in ENDED

    def stop(self) -> None:
        """Break it off."""
        self.client.cancel_job_run(applicationId=self.application, jobRunId=self.job_run)

    def traces(self) -> str:
        """Say what EMR says of it."""
        now = self._now()
        details = now.get("stateDetails") or "no details"
        return f"EMR Serverless says {now['state']} of job run {self.job_run}: {details}"

    def _now(self) -> dict[str, Any]:
        answer = self.client.get_job_run(applicationId=self.application, jobRunId=self.job_run)
        found: dict[str, Any] = answer["jobRun"]
        return found


def start(stack: Deployed, order: Order) -> SparkRun:
    """Start a run where the stack has it: on EMR Serverless if it was deployed with that, else here.

    Raises:
        CommandError: if Spark cannot run here.
        botocore.exceptions.ClientError: if EMR Serverless refuses.
    """
    if "SparkApplication" in stack.outputs:
        return _start_on_emr(stack, order)
    return _start_here(stack, order)


def _start_on_emr(stack: Deployed, order: Order) -> EmrRun:
    client: Any = stack.session.client("emr-serverless", endpoint_url=stack.endpoint)
    application = stack.outputs["SparkApplication"]
    started = client.start_job_run(
        applicationId=application,
        clientToken=order.run,
        executionRoleArn=stack.outputs["SparkRole"],
        name=order.dataset,
        jobDriver={"sparkSubmit": {"entryPoint": IMAGE_JOB, "entryPointArguments": [order.to_json()]}},
    )
    return EmrRun(client, application, started["jobRunId"])


def _start_here(stack: Deployed, order: Order) -> LocalRun:
    submit = Path(sys.executable).with_name("spark-submit")
    if not submit.exists():
        raise CommandError("Spark is not installed here; install it with: make .venv/.spark", Exit.STACK)
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise CommandError("Spark needs Java 17, and there is no java on PATH; install it", Exit.STACK)
    LOGS.mkdir(exist_ok=True)
    log = LOGS / f"spark-{order.run}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - Spark of this environment, and a job of ours
            [sys.executable, "-P", SUPERVISOR, submit, *_options(), JOB, order.to_json()],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(stack),
            start_new_session=True,
        )
    return LocalRun(process, log)


def _options() -> list[str]:
    settings = [word for setting in ON_LOOPBACK for word in ("--conf", setting)]
    return ["--master", os.environ.get("SPARK_MASTER") or "local[*]", *settings]


def _environment(stack: Deployed) -> dict[str, str]:
    """Return the environment of a run here: that of the stack's caller, and where our packages are."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    credentials = stack.session.get_credentials()
    frozen = credentials.get_frozen_credentials() if credentials else None
    own = {
        "AWS_ACCESS_KEY_ID": frozen and frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen and frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen and frozen.token,
        "AWS_DEFAULT_REGION": stack.session.region_name,
        "AWS_ENDPOINT_URL": stack.endpoint,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT / 'src'}",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    return inherited | {name: value for name, value in own.items() if value}
