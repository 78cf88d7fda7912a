"""Files that others made to test readers are counted, or refused in one sentence.

They are those that pyarrow ships, and all in the folder PARQUET_FILES, such as a checkout of parquet-testing.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError
from ingest.parquet.column_names import NEEDED, ColumnMapping, ColumnRule, MappedName
from ingest.parquet.footer import read_end, read_footer
from ingest.parquet.reader import Selection
from ingest.row_outputs.rejected_rows import RejectedRows
from tests.support.fuzz import NOT_A_SENTENCE
from vouchers.segments import load_definitions

SHIPPED = Path(pa.__file__).parent / "tests" / "data" / "parquet"
FOLDER = os.environ.get("PARQUET_FILES", "")
OUTCOMES: dict[str, str] = json.loads(Path(__file__).with_name("public_files.json").read_text())
"""By name: the number of rows that are counted, or the sentence."""


def files() -> list[Path]:
    inside = Path(FOLDER).rglob("*.parquet*") if FOLDER else ()
    return [*sorted(SHIPPED.glob("*.parquet")), *sorted(path for path in inside if path.is_file())]


def outcome(body: bytes, rule: ColumnRule = ColumnRule()) -> str:  # noqa: B008 - it cannot change
    """Return how counting ends; any error but a ``FileError`` fails the test."""
    try:
        with RejectedRows() as rejected:
            callbacks = RowCallbacks(rejected.add)
            counted = count_file(io.BytesIO(body), 0, load_definitions(), callbacks, Selection(rule))
    except FileError as error:
        sentence = str(error)
        assert not NOT_A_SENTENCE.search(sentence)
        assert len(sentence) < 3_000
        return sentence
    return f"{counted.report.rows} rows"


def test_a_folder_of_public_files_is_given() -> None:
    if not FOLDER:
        pytest.skip("PARQUET_FILES does not name a folder of public files; only those of pyarrow are tested")
    assert len(files()) > len([*SHIPPED.glob("*.parquet")])


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_a_public_file_has_its_known_outcome(path: Path) -> None:
    found = outcome(path.read_bytes())

    assert found == OUTCOMES.get(path.name, found)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_every_column_of_a_public_file_is_counted_or_refused(path: Path) -> None:
    body = path.read_bytes()
    try:
        columns = read_footer(read_end(io.BytesIO(body))).columns
    except FileError:
        return
    for column in columns[:100]:
        for unit in (None, "ms"):
            names = {name: MappedName(column.name, unit if name.endswith("ts") else None) for name in NEEDED}
            assert outcome(body, ColumnRule(ColumnMapping(names)))


def test_the_files_of_pyarrow_are_listed() -> None:
    assert {path.name for path in SHIPPED.glob("*.parquet")} == OUTCOMES.keys()
