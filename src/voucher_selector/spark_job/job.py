"""The Spark job; its only argument is an order in JSON."""

import sys
import traceback
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from ingest.commit.event_bus import EventBusError
from ingest.retry import RetryTimeoutError
from ingest.storage.results_bucket import ResultsBucket
from voucher_selector.spark_job.clients import s3_client
from voucher_selector.spark_job.counting import PieceCounter, count_with_spark
from voucher_selector.spark_job.listing import Task
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.progress import Outcome, Progress, report_progress, write_progress
from voucher_selector.spark_job.run import RunError, run
from voucher_selector.spark_job.sums import Sums


def main(document: str) -> int:
    """Carry out an order and write its progress; return the exit status."""
    order = Order.from_json(document)
    results = ResultsBucket(s3_client(), order.results_bucket)

    def count(tasks: Sequence[Task], counter: PieceCounter) -> Sums:
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - starts a JVM, which deletions do not need

        with (
            SparkContext(conf=SparkConf().setAppName(order.dataset)) as spark,
            report_progress(results, order.run, spark, len(tasks)),
        ):
            return count_with_spark(spark, tasks, counter)

    try:
        last = run(order, count)
    except (RunError, RetryTimeoutError, EventBusError, BotoCoreError, ClientError) as error:
        last = Progress("done", outcome=Outcome.BROKEN_OFF, error=str(error))
    except BaseException as error:
        traceback.print_exc()
        message = f"the job ended with {type(error).__name__}"
        write_progress(results, order.run, Progress("done", outcome=Outcome.BROKEN_OFF, error=message))
        raise
    write_progress(results, order.run, last)
    return int(last.error is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
