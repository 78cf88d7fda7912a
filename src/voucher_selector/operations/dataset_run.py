"""A dataset: its name, its files, and a run of the Spark job that counts it, followed from afar."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING

from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.upload import DATASETS, IN_ONE_PIECE
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.progress import Progress, progress_key, read_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from voucher_selector.operations.spark_runs import SparkRun
    from voucher_selector.stack import Deployed

SECONDS_BETWEEN_LOOKS = 0.5
LOOKS_BETWEEN_QUESTIONS = 10
"""Looks at the progress for each question whether the run has ended, of which EMR Serverless allows few."""


def dataset_key(name: str) -> str:
    """Return the key of a dataset's source, given its name with or without what all have in common.

    Raises:
        CommandError: if it is no name.
    """
    path = name.strip("/").removeprefix(DATASETS)
    if not path.strip() or any(part in {"", ".", ".."} for part in path.split("/")):
        raise CommandError("Name a dataset, as in: make dataset NAME=history")
    return f"{DATASETS}{path}/"


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder and all in it, but those that begin with ``_`` or ``.``.

    Raises:
        CommandError: if there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}")
    inside = (path for path in sorted(folder.rglob("*")) if path.is_file())
    found = [path for path in inside if not any(n[0] in "_." for n in path.relative_to(folder).parts)]
    if not found:
        raise CommandError(f"There are no files in {folder}")
    return found


def send(stack: Deployed, folder: Path, files: list[Path], key: str, advance: Callable[[int], None]) -> None:
    """Upload files of a folder under a dataset's prefix, each by its name in the folder.

    Raises:
        boto3.exceptions.S3UploadFailedError: if S3 refuses one.
    """
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]
    for file in files:
        name = key + file.relative_to(folder).as_posix()
        s3.upload_file(str(file), bucket, name, Config=IN_ONE_PIECE)
        advance(1)


def new_order(stack: Deployed, key: str, as_of: str, *, forced: bool) -> Order:
    """Return an order to count a dataset of a stack, for a run that there was never before."""
    return Order(
        run=uuid.uuid4().hex,
        dataset=key,
        as_of=as_of,
        forced=forced,
        uploads_bucket=stack.outputs["UploadsBucket"],
        results_bucket=stack.outputs["ResultsBucket"],
        segments_table=stack.outputs["SegmentsTable"],
        sources_table=stack.outputs["SourcesTable"],
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """A run that is looked at from afar, by the progress that it writes down."""

    stack: Deployed
    order: Order
    run: SparkRun

    def progress(self) -> Iterator[Progress]:
        """Yield how far the run is, now and then, and last what came of it.

        Raises:
            CommandError: if the run ended without saying what came of it.
        """
        looks = 0
        while True:
            ended = looks % LOOKS_BETWEEN_QUESTIONS == 0 and self.run.ended()
            now = self._look()
            if now:
                yield now
            if now and now.doing == "done":
                return
            if ended:
                raise CommandError(f"The run broke off; {self.run.traces()}", Exit.STACK)
            sleep(SECONDS_BETWEEN_LOOKS)
            looks += 1

    def _look(self) -> Progress | None:
        s3, bucket = self.stack.s3(), self.stack.outputs["ResultsBucket"]
        try:
            body = s3.get_object(Bucket=bucket, Key=progress_key(self.order.run))["Body"]
        except s3.exceptions.NoSuchKey:
            return None
        return read_progress(body.read().decode())

    def forget(self) -> None:
        """Delete what the run wrote down."""
        s3, bucket = self.stack.s3(), self.stack.outputs["ResultsBucket"]
        s3.delete_object(Bucket=bucket, Key=progress_key(self.order.run))
