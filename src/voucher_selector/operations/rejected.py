"""Read the rejected rows of a source from the results bucket."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow.parquet as pq

from ingest.storage.s3_objects import find_object, open_object
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_table import State

BATCH_ROWS = 1_000


def read_rejected_rows(stack: Deployed, state: State) -> Iterator[dict[str, Any]]:
    """Yield the rejected rows of a source, each with its number in the file, its reason and its values.

    They are read while they are yielded, so few rows of a large object need few requests.
    """
    if state.rejected_object is None:
        return
    s3, results = stack.s3(), stack.results_bucket()
    for key in chain.from_iterable(results.list_pages(state.rejected_object)):
        with open_object(s3, find_object(s3, results.bucket, key)) as file:
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
                yield from batch.to_pylist()
