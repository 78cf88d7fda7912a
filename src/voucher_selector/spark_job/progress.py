"""How far a run is: a document in the results bucket, for whoever follows it from afar."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import SparkContext

    from ingest.storage.results_bucket import ResultsBucket

SECONDS_BETWEEN = 1.0
SECONDS_TO_STOP = 10.0


class Outcome(StrEnum):
    """What came of a run; the next one finishes a commit in which one broke off."""

    COUNTED = "counted"
    FAILED = "failed"
    DELETED = "deleted"
    UP_TO_DATE = "up to date"
    LATE = "late"
    BROKEN_OFF = "broken off"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        doing: `listing`, `counting`, `committing` or `done`.
        tasks: how many there are; 0 until that is known.
        finished: how many of them are finished.
        outcome: what came of it, once it is done.
        error: why it failed or was broken off, and what to do, in one sentence.
    """

    doing: str
    tasks: int = 0
    finished: int = 0
    outcome: Outcome | None = None
    error: str | None = None


def progress_key(run: str) -> str:
    """Return the key of a run's progress in the results bucket."""
    return f"runs/{run}.json"


def read_progress(text: str) -> Progress:
    """Return the progress that ``tell`` wrote."""
    told = json.loads(text)
    return Progress(**told | {"outcome": told["outcome"] and Outcome(told["outcome"])})


def tell(results: ResultsBucket, run: str, progress: Progress) -> None:
    """Write down how far a run is."""
    results.write_text(progress_key(run), json.dumps(asdict(progress)))


@contextmanager
def telling(results: ResultsBucket, run: str, spark: SparkContext, tasks: int) -> Iterator[None]:
    """While the block counts, write down now and then how many tasks are finished."""
    spark.setJobGroup(run, "counting")
    done = threading.Event()
    counting = Progress("counting", tasks)
    tell(results, run, counting)
    watcher = threading.Thread(target=_watch, args=(results, run, spark, counting, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(SECONDS_TO_STOP)


def _watch(
    results: ResultsBucket, run: str, spark: SparkContext, last: Progress, done: threading.Event
) -> None:
    while not done.wait(SECONDS_BETWEEN):
        now = replace(last, finished=_finished(spark, run))
        if now != last:
            tell(results, run, now)
            last = now


def _finished(spark: SparkContext, run: str) -> int:
    """Return how many tasks of the first stage are finished, which are those that count."""
    tracker: Any = spark.statusTracker()
    stages = [stage for job in tracker.getJobIdsForGroup(run) for stage in tracker.getJobInfo(job).stageIds]
    info = tracker.getStageInfo(min(stages)) if stages else None
    return info.numCompletedTasks if info else 0
