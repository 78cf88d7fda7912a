"""Exercise the ingest function's packages in Lambda's Python. Arguments: a directory and a bucket.

Prints the versions of Python and of the packages. A failure raises.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import awswrangler as wr
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.session import get_session

from ingest.counting.count_file import RowCallbacks, count_file
from ingest.row_outputs.glue_catalog import GlueCatalog
from ingest.row_outputs.segmented_writer import SegmentedWriter
from ingest.storage.results_bucket import ResultsBucket
from vouchers.segments import load_definitions

AS_OF = 1_533_427_200_000_000
CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]


def round_trip(directory: str, codec: str) -> None:
    """Write and read a table with a column of each accepted type."""
    table = pa.table(
        {
            "country_code": pa.array(["Peru", "Peru", None]).dictionary_encode(),
            "last_order_ts": pa.array(np.array(["2018-05-03", "NaT", "2018-05-04"], "datetime64[us]")),
            "total_orders": pa.array([1.0, None, 3.0]),
            "voucher_amount": pa.array(["2640", "", None]),
        }
    )
    pq.write_table(table, f"{directory}/{codec}.parquet", compression=codec)
    assert pq.read_table(f"{directory}/{codec}.parquet").equals(table)


def count(directory: str, codec: str) -> None:
    """Count the written file, without pandas."""
    with Path(directory, f"{codec}.parquet").open("rb") as file:
        report = count_file(file, AS_OF, load_definitions()).report
    assert (report.rows, report.counted) == (3, 1)


def keep_rows(directory: str, bucket: str) -> None:
    """Write the counted rows to S3, list them in Glue, and read them through Glue."""
    definitions, session = load_definitions(), get_session()
    s3: Any = session.create_client("s3")
    results = ResultsBucket(s3, bucket)
    rows = SegmentedWriter(results, "voucher_selector/a/00000001-b/", definitions, AS_OF)
    with Path(directory, "zstd.parquet").open("rb") as file, rows:
        count_file(file, AS_OF, definitions, RowCallbacks(keep=rows.add))
        folder = rows.store()
    glue: Any = session.create_client("glue")
    glue.create_database(DatabaseInput={"Name": "rows"})
    sources: Any = None  # pointing changes no source
    catalog = GlueCatalog(
        glue, "rows", results, definitions, sources, "", lambda: datetime.now(UTC), lambda: 9
    )
    catalog.point("a", folder)
    back = wr.s3.read_parquet_table("voucher_selector", database="rows")
    assert [*back["frequent_segment"]] == ["0-4"]
    assert [*back["country"]] == ["peru"]


for codec in CODECS:
    round_trip(sys.argv[1], codec)
    count(sys.argv[1], codec)
keep_rows(sys.argv[1], sys.argv[2])
sys.stdout.write(f"{sys.version_info[:2]} {pa.__file__}")
