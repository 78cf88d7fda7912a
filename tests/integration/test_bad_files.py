"""Bad and odd files: a clear message or a correct count, in little memory, and never a part of a file."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from ingest.config import limit_memory
from ingest.counting.as_of import microseconds
from ingest.counting.count_file import count_file
from ingest.errors import FileError
from ingest.handler import IngestError
from tests.support import fuzz, thrift
from tests.support.bad_files import BOMBS, BROKEN, MB, ODD, sample_file
from tests.support.parquet_builder import (
    BYTE_ARRAY,
    Column,
    data_page,
    footer_of,
    sealed,
    texts,
    uniform_file,
)
from tests.support.sam_template import transformed
from tests.support.stack_harness import parquet
from vouchers.dynamodb.sources_table import Status
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from ingest.counting.count_file import Counted
    from tests.support.stack_harness import StackHarness

LAMBDA_MB = transformed().properties("IngestFunction")["MemorySize"]
MAX_MB = 0.75 * LAMBDA_MB
"""The memory limit of counting a file, in MB."""


def counted(file: io.RawIOBase | io.BytesIO) -> Counted:
    return count_file(file, microseconds(fuzz.AS_OF), load_definitions())


def assert_right(body: bytes) -> None:
    assert fuzz.verdict(body) == ("counted", None)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_fails_with_one_sentence(name: str) -> None:
    make, sentence = BROKEN[name]
    with pytest.raises(FileError, match=sentence) as failed:
        counted(io.BytesIO(make()))
    assert not fuzz.NOT_A_SENTENCE.search(str(failed.value))
    assert len(str(failed.value)) < 500


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_counted_right(name: str) -> None:
    assert_right(ODD[name]())


@pytest.fixture(scope="module")
def messages_of_bombs() -> dict[str, str]:
    """Count all bombs, one by one, in a process with the function's memory; return the messages."""
    script = "from tests.integration import test_bad_files; test_bad_files.count_bombs()"
    limit = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(LAMBDA_MB), "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", script], env=os.environ | limit, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"crashed after {ran.stdout[-500:]}: {ran.stderr[-2_000:]}"
    return dict(line.split(": ", 1) for line in ran.stdout.splitlines())


def test_imports_leave_the_memory_to_the_events() -> None:
    # Arrow's first allocation reserves a gigabyte of addresses, which count towards a limit set earlier.
    script = (
        "import ingest.handler; from ingest.config import limit_memory; limit_memory();"
        "reserved = bytearray(256 << 20)"
    )
    limit = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", script], env=os.environ | limit, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2_000:]


def count_bombs() -> None:
    limit_memory()
    for name, (make, _) in BOMBS.items():
        with pytest.raises(FileError) as failed:
            counted(io.BytesIO(make()))
        sys.stdout.write(f"{name}: {failed.value}\n")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    sys.stdout.write(f"peak: {int(status.split('VmHWM:')[1].split()[0]) >> 10}\n")


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_would_take_all_memory_fails(messages_of_bombs: dict[str, str], name: str) -> None:
    assert re.search(BOMBS[name][1], messages_of_bombs[name])
    assert not fuzz.NOT_A_SENTENCE.search(messages_of_bombs[name])


def test_no_file_takes_more_than_three_quarters_of_the_functions_memory(
    messages_of_bombs: dict[str, str],
) -> None:
    assert int(messages_of_bombs["peak"]) < MAX_MB


@pytest.mark.parametrize("name", ["a byte flipped under a checksum", "half the rows of a row group", "empty"])
def test_a_broken_file_takes_away_what_its_key_had_contributed(harness: StackHarness, name: str) -> None:
    key = "vouchers/a.parquet"
    harness.ingest(harness.put(key, sample_file()))
    assert harness.cells()
    with pytest.raises(IngestError, match=f"'{key}' was not counted: "):
        harness.ingest(harness.put(key, BROKEN[name][0]()))
    assert harness.cells() == {}
    state = harness.source(key).state
    assert state is not None
    assert state.status is Status.FAILED


class LargeFile(io.RawIOBase):
    """A file with a run of zeros; it counts the bytes that are read."""

    def __init__(self, before: bytes, hole: int, after: bytes) -> None:
        super().__init__()
        self.bytes_read = 0
        self._parts = (before, hole, after)
        self._size = len(before) + hole + len(after)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        before, hole, after = self._parts
        end = self._size if size < 0 else min(self._at + size, self._size)
        holes = max(0, min(end, len(before) + hole) - max(self._at, len(before)))
        past = len(before) + hole
        data = before[self._at : end] + bytes(holes) + after[max(self._at - past, 0) : max(end - past, 0)]
        self._at += len(data)
        self.bytes_read += len(data)
        return data


def test_a_column_of_2_gb_that_nobody_needs_is_not_read() -> None:
    marker = b"the page of the column that nobody needs"
    page = data_page(texts(marker), 1)
    hole = 2047 * MB
    body = uniform_file(1, notes=Column("notes", BYTE_ARRAY, (page,), 1))
    at = body.index(marker)
    start, message = footer_of(body)
    chunk = message[4][1][1][0][1][1][1][4][3][1]
    for sizes in (6, 7):
        chunk[sizes] = (chunk[sizes][0], chunk[sizes][1] + hole)
    file = LargeFile(body[:at], hole, body[at:start] + sealed(thrift.write(message)))
    assert pq.read_metadata(file).row_group(0).column(4).total_compressed_size > hole
    file.bytes_read = 0
    assert counted(file).report.counted == 1
    assert file.bytes_read < 100_000


def test_a_large_row_group_is_read_a_piece_at_a_time() -> None:
    reads: list[int] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            reads.append(len(data))
            return data

    body = parquet(fuzz.large_table(), compression="none", use_dictionary=False)
    assert len(body) > 32 * MB
    assert counted(Watched(body)).report.rows == fuzz.large_table().num_rows
    assert max(reads) < 4 * MB
