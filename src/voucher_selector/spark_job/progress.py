"""The progress of a run: a JSON document in the results bucket, which the command line polls."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ingest.storage.results_bucket import ResultsBucket

if TYPE_CHECKING:
    from pyspark import SparkContext

REPORT_SECONDS = 1.0
MAX_STOP_SECONDS = 10.0


class Outcome(StrEnum):
    """The outcome of a run. The next run completes the commit of one that broke off."""

    COUNTED = "counted"
    EVALUATED = "evaluated"
    FAILED = "failed"
    DELETED = "deleted"
    UP_TO_DATE = "up to date"
    LATE = "late"
    BROKEN_OFF = "broken off"


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run.

    Attributes:
        doing: `listing`, `counting`, `committing` or `done`.
        tasks: the number of tasks; 0 until it is known.
        finished: the number of finished tasks.
        outcome: the outcome of a run that is done.
        error: why the run failed or broke off and what to do, in one sentence.
        uses: the sums of an evaluation, as ``voucher_selector.dated_uses.build_uses`` takes them.
    """

    doing: str
    tasks: int = 0
    finished: int = 0
    outcome: Outcome | None = None
    error: str | None = None
    uses: Sequence[tuple[Sequence[Any], int]] = ()


def progress_key(run: str) -> str:
    """Return the key of a run's progress in the results bucket."""
    return f"runs/{run}.json"


def read_progress(text: str) -> Progress:
    """Return the progress that ``write_progress`` wrote."""
    document = json.loads(text)
    return Progress(**document | {"outcome": document["outcome"] and Outcome(document["outcome"])})


def write_progress(results: ResultsBucket, run: str, progress: Progress) -> None:
    """Write the progress of a run."""
    document = {field.name: getattr(progress, field.name) for field in fields(progress)}
    results.write_text(progress_key(run), json.dumps(document))


@contextmanager
def report_progress(results: ResultsBucket, run: str, spark: SparkContext, tasks: int) -> Iterator[None]:
    """Write the number of finished tasks every second while the block runs."""
    spark.setJobGroup(run, "counting")
    done = threading.Event()
    last = Progress("counting", tasks)
    write_progress(results, run, last)

    def report(last: Progress) -> None:
        while not done.wait(REPORT_SECONDS):
            current = replace(last, finished=count_finished_tasks(spark, run))
            if current != last:
                write_progress(results, run, current)
                last = current

    reporter = threading.Thread(target=report, args=(last,), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join(MAX_STOP_SECONDS)


def count_finished_tasks(spark: SparkContext, run: str) -> int:
    """Return the number of finished tasks of a run's first stage, which counts."""
    tracker: Any = spark.statusTracker()
    stages = [stage for job in tracker.getJobIdsForGroup(run) for stage in tracker.getJobInfo(job).stageIds]
    info = tracker.getStageInfo(min(stages)) if stages else None
    return info.numCompletedTasks if info else 0
