"""Count or evaluate a dataset: start the Spark job, and follow its progress."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from ingest.counting.as_of import AS_OF_METADATA, COLUMNS_METADATA, UPLOAD, read_metadata
from voucher_selector.errors import CommandError, Exit
from voucher_selector.local_stack.emulator import LOGS, short, start_supervised
from voucher_selector.operations.invoke import IngestFunction
from voucher_selector.operations.upload import DATASETS
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.progress import Progress, progress_key, read_progress
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_table import State

if TYPE_CHECKING:
    import subprocess

    from voucher_selector.spark_job.listing import Dataset

SECONDS_BETWEEN_LOOKS = 0.5
LOOKS_PER_STATUS_CALL = 10
"""Reads of the progress for each call for the run's status, because EMR Serverless limits such calls."""

ROOT = Path(__file__).parents[3]
JOB = ROOT / "src" / "voucher_selector" / "spark_job" / "job.py"
IMAGE_JOB = "local:///opt/voucher-selector/src/voucher_selector/spark_job/job.py"
"""The job in the image of infra/spark/Dockerfile."""

MAX_LOGS = 10
"""Logs of runs on this machine that are kept; their names begin with the time."""

ENDED = {"SUCCESS", "FAILED", "CANCELLED"}
"""The final states of a job run of EMR Serverless."""

LOOPBACK = ("spark.ui.enabled=false", "spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1")


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run of the Spark job on this machine; it ends when this process ends."""

    process: subprocess.Popen[bytes]
    log: Path

    def has_ended(self) -> bool:
        """Return whether it has ended, with success or without."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Stop it."""
        self.process.communicate()

    def describe(self) -> str:
        """Return where its log is."""
        return f"See the log: {short(self.log)}"


@dataclass(frozen=True, slots=True)
class EmrRun:
    """A run of the Spark job on EMR Serverless."""

    client: Any
    application: str
    job_run: str

    def has_ended(self) -> bool:
        """Return whether it has ended, with success or without."""
        return self.get()["state"] in ENDED

    def stop(self) -> None:
        """Cancel it."""
        self.client.cancel_job_run(applicationId=self.application, jobRunId=self.job_run)

    def describe(self) -> str:
        """Return its state and details."""
        found = self.get()
        details = found.get("stateDetails") or "no details"
        return f"Job run {self.job_run} of EMR Serverless is {found['state']}: {details}"

    def get(self) -> dict[str, Any]:
        """Return the job run as EMR Serverless describes it."""
        response = self.client.get_job_run(applicationId=self.application, jobRunId=self.job_run)
        found: dict[str, Any] = response["jobRun"]
        return found


def dataset_key(name: str) -> str:
    """Return the key of a dataset's source, given its name with or without the prefix.

    Raises:
        CommandError: if the name is invalid.
    """
    path = name.strip("/").removeprefix(DATASETS)
    if not path.strip() or any(part in {"", ".", ".."} for part in path.split("/")):
        raise CommandError(f"Invalid name of a dataset '{name}'. Use a name such as history or history/2018.")
    return f"{DATASETS}{path}/"


def find_dataset(stack: Deployed, key: str) -> Dataset:
    """Return a dataset as it is now.

    Raises:
        CommandError: if it has a table, and the library that reads it is not installed.
    """
    from voucher_selector.spark_job.listing import list_dataset  # noqa: PLC0415 - importing pyarrow is slow

    try:
        return list_dataset(stack.s3(), stack.outputs["UploadsBucket"], key)
    except ModuleNotFoundError as missing:
        problem = f"{key} contains a table, and {missing.name} is not installed"
        raise CommandError(f"{problem}. Install it: make .venv/.spark", Exit.STACK) from None


def earlier_metadata(state: State | None) -> dict[str, str]:
    """Return the metadata by which a dataset was counted, as those of an object; empty if it was not."""
    if state is None or state.as_of is None:
        return {}
    as_of = UPLOAD if state.as_of == state.uploaded_at else state.as_of
    return {AS_OF_METADATA: as_of} | ({COLUMNS_METADATA: state.columns} if state.columns else {})


def new_order(stack: Deployed, key: str, metadata: Mapping[str, str], *, forced: bool) -> Order:
    """Return an order to count a dataset in a new run, by the rules for an object with ``metadata``."""
    settings = IngestFunction.of(stack).settings()
    rule, mapping = read_metadata(metadata, settings.recency_as_of, settings.column_names, datetime.now(UTC))
    return Order(
        run=uuid.uuid4().hex,
        dataset=key,
        as_of=str(rule),
        columns=str(mapping),
        forced=forced,
        uploads_bucket=stack.outputs["UploadsBucket"],
        results_bucket=stack.outputs["ResultsBucket"],
        segments_table=stack.outputs["SegmentsTable"],
        sources_table=stack.outputs["SourcesTable"],
        event_bus=settings.event_bus or "",
    )


def has_objects(stack: Deployed, key: str) -> bool:
    """Return whether there are objects under the key of a dataset."""
    found = stack.s3().list_objects_v2(Bucket=stack.outputs["UploadsBucket"], Prefix=key, MaxKeys=1)
    return bool(found["KeyCount"])


def start(stack: Deployed, order: Order) -> LocalRun | EmrRun:
    """Start a run: on EMR Serverless if the stack has it, otherwise on this machine.

    Raises:
        CommandError: if Spark cannot run on this machine.
    """
    if "SparkApplication" not in stack.outputs:
        return _start_here(stack, order)
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


def follow(stack: Deployed, order: Order, run: LocalRun | EmrRun) -> Generator[Progress]:
    """Yield the progress of a run, the last with its outcome; then delete the progress document.

    Any error, and closing the generator early, stops the run.

    Raises:
        CommandError: if the run ended without an outcome.
    """
    s3, bucket, key = stack.s3(), stack.outputs["ResultsBucket"], progress_key(order.run)
    looks, ended = 0, False
    try:
        while not ended:
            # First the status: a run writes its outcome before it ends.
            ended = looks % LOOKS_PER_STATUS_CALL == 0 and run.has_ended()
            try:
                progress = read_progress(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
            except s3.exceptions.NoSuchKey:
                progress = None
            if progress:
                yield progress
                if progress.doing == "done":
                    return
            sleep(SECONDS_BETWEEN_LOOKS)
            looks += 1
        message = f"The run was interrupted. {run.describe()}"
        raise CommandError(message, Exit.STACK)  # noqa: TRY301 - a run that ended is stopped, too
    except BaseException:
        run.stop()
        raise
    finally:
        s3.delete_object(Bucket=bucket, Key=key)


def _start_here(stack: Deployed, order: Order) -> LocalRun:
    submit = Path(sys.executable).with_name("spark-submit")
    if not submit.exists():
        raise CommandError("Spark is not installed. Install it: make .venv/.spark", Exit.STACK)
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise CommandError("Spark needs Java 17, but there is no java on PATH. Install it.", Exit.STACK)
    settings = ["--master", os.environ.get("SPARK_MASTER") or "local[*]"]
    settings += [word for setting in LOOPBACK for word in ("--conf", setting)]
    for old in sorted(LOGS.glob("spark-*.log"))[: 1 - MAX_LOGS]:
        old.unlink(missing_ok=True)
    log = LOGS / f"spark-run-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.log"
    command = [str(submit), *settings, str(JOB), order.to_json()]
    return LocalRun(start_supervised(command, log, _environment(stack)), log)


def _environment(stack: Deployed) -> dict[str, str]:
    """Return the environment of a local run: the stack's credentials, and the path of the packages."""
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
