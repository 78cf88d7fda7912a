"""The CPU time and peak memory of counting with and without segmented rows.

Rows are written to the emulator's S3, whose own work is not measured.

Run: PYTHONPATH=functions python -m benchmarks.segmented_rows
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.session import get_session

from benchmarks.files import File, ensure_file
from benchmarks.measured_process import peak_memory
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.row_outputs.segmented_writer import SegmentedWriter
from ingest.storage.results_bucket import ResultsBucket
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.emulator import REGION, emulator
from voucher_selector.local_stack.ports import free_port
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES = tuple(
    File(types, "plain", "zstd", rows=rows)
    for types in ("text", "distinct")
    for rows in (1_000_000, 5_000_000)
)
BUCKET = "results"
AS_OF = 1_600_000_000_000_000


def count(path: Path, *, keeps_rows: bool) -> None:
    """Count a file with or without segmented rows; print CPU seconds and peak memory in MB."""
    began, definitions = time.process_time(), load_definitions()
    with path.open("rb") as file:
        if keeps_rows:
            results = ResultsBucket(cast("S3Client", get_session().create_client("s3")), BUCKET)
            with SegmentedWriter(results, "voucher_selector/a/00000001-b/", definitions, AS_OF) as rows:
                count_file(file, AS_OF, definitions, RowCallbacks(keep=rows.add))
                rows.store()
        else:
            count_file(file, AS_OF, definitions)
    sys.stdout.write(f"{time.process_time() - began:.1f} s, {peak_memory() / 1e6:.0f} MB")


def main() -> None:
    """Count each file with and without segmented rows, and print the costs."""
    with emulator(free_port()) as endpoint:
        session().client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
        here = {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": REGION}
        account = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        for file in FILES:
            for kept in ("alone", "kept"):
                took = _in_a_process(ensure_file(file), kept, {**os.environ, **here, **account})
                sys.stdout.write(f"{file.name}, {file.rows:,} rows, {kept}: {took}\n")


def _in_a_process(path: Path, kept: str, environment: dict[str, Any]) -> str:
    command = [sys.executable, "-m", "benchmarks.segmented_rows", str(path), kept]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603 - this module
    return ran.stdout


if __name__ == "__main__":
    if sys.argv[1:]:
        count(Path(sys.argv[1]), keeps_rows=sys.argv[2] == "kept")
    else:
        main()
