"""The job that Spark starts, with an order as its only argument."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ingest.retry import RetryTimeoutError
from ingest.storage.results_bucket import ResultsBucket
from voucher_selector.spark_job.clients import s3_client
from voucher_selector.spark_job.counting import count_on
from voucher_selector.spark_job.errors import RunError
from voucher_selector.spark_job.order import read_order
from voucher_selector.spark_job.progress import Outcome, Progress, tell, telling
from voucher_selector.spark_job.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voucher_selector.spark_job.counting import Counting
    from voucher_selector.spark_job.listing import Task
    from voucher_selector.spark_job.order import Order
    from voucher_selector.spark_job.sums import Sums


def main(document: str) -> int:
    """Carry out an order, and write down its progress; return the exit status."""
    order = read_order(document)
    results = ResultsBucket(s3_client(), order.results_bucket)
    try:
        last = run(order, lambda tasks, counting: _on_spark(order, results, tasks, counting))
    except (RunError, RetryTimeoutError, BotoCoreError, ClientError) as error:
        last = Progress("done", outcome=Outcome.BROKEN_OFF, error=str(error))
    except BaseException as error:
        traceback.print_exc()
        said = f"the job ended with {type(error).__name__}"
        tell(results, order.run, Progress("done", outcome=Outcome.BROKEN_OFF, error=said))
        raise
    tell(results, order.run, last)
    return int(last.error is not None)


def _on_spark(order: Order, results: ResultsBucket, tasks: Sequence[Task], counting: Counting) -> Sums:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - a JVM starts with it, and deletions need none

    with (
        SparkContext(conf=SparkConf().setAppName(order.dataset)) as spark,
        telling(results, order.run, spark, len(tasks)),
    ):
        return count_on(spark, tasks, counting)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
