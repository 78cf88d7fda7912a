"""What awswrangler does for the segmented rows; whoever imports this loads it, and pandas."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

import awswrangler as wr
import boto3
import pandas as pd

from ingest.storage.partition_names import COUNTRY, SOURCE, TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

# What pandas tells awswrangler's authors is not for the log of a user.
warnings.filterwarnings("ignore", module="awswrangler")

# Microseconds stay what they are, and a text is a text whatever Arrow calls it.
FORMAT = {"coerce_timestamps": None, "flavor": None, "version": "2.6", "store_schema": False}

KEYS = {SOURCE: "string", COUNTRY: "string"}


def write(rows: pa.Table, url: str) -> None:
    """Add rows to a dataset at an S3 URL, a file for each of their countries.

    Raises:
        botocore.exceptions.ClientError: if S3 refuses.
    """
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    frame[COUNTRY] = frame[COUNTRY].astype("category")
    wr.s3.to_parquet(
        frame,
        url,
        dataset=True,
        partition_cols=[COUNTRY],
        compression="zstd",
        # Beside counting there is less than a core, and memory for one file at a time.
        use_threads=False,
        boto3_session=_session(),
        pyarrow_additional_kwargs=dict(FORMAT),  # to which awswrangler adds a file's schema
    )


def describe(database: str, url: str, columns: Mapping[str, str]) -> None:
    """Make the table in the catalogue, with these columns (their Athena types by name), unless it is there.

    Raises:
        botocore.exceptions.ClientError: if Glue refuses.
    """
    wr.catalog.create_parquet_table(
        database,
        TABLE,
        url,
        columns_types=dict(columns),
        table_type="EXTERNAL_TABLE",
        partitions_types=KEYS,
        compression="zstd",
        mode="append",
        boto3_session=_session(),
    )


@cache
def _session() -> boto3.Session:
    """Return the process's session; with a new one for every call awswrangler would read what S3 is anew."""
    return boto3.Session()
