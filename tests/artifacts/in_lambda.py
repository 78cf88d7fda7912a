"""Work with the ingest function's packages, done by Lambda's Python; arguments: a directory and a bucket.

It says which Python and which packages did it; any failure is an exception.
"""

from __future__ import annotations

import sys
from pathlib import Path

import awswrangler as wr
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.count import count_file
from vouchers.segments import load_definitions

CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]


def round_trip(directory: str, codec: str) -> None:
    """Write and read back a table with a column of each kind that is accepted."""
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
    """Count what was written, without pandas."""
    with Path(directory, f"{codec}.parquet").open("rb") as file:
        report = count_file(file, 1_533_427_200_000_000, load_definitions()).report
    assert (report.rows, report.counted) == (3, 1)


def write_dataset(bucket: str) -> None:
    """Write a partitioned dataset to S3 and read it back, as awswrangler does."""
    frame = pd.DataFrame({"country_code": ["Peru", "China"], "row": [1, 2]})
    wr.s3.to_parquet(frame, f"s3://{bucket}/rejected/", dataset=True, partition_cols=["country_code"])
    back = wr.s3.read_parquet(f"s3://{bucket}/rejected/", dataset=True)
    assert sorted(back["row"]) == [1, 2]


for each in CODECS:
    round_trip(sys.argv[1], each)
    count(sys.argv[1], each)
write_dataset(sys.argv[2])
sys.stdout.write(f"{sys.version_info[:2]} {pa.__file__}")
