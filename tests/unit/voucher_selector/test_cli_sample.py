from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from voucher_selector.cli.main import cli

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.disable_socket


def test_the_sample_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["sample", str(tmp_path / "mine.parquet")])

    assert pq.ParquetFile(tmp_path / "mine.parquet").metadata.num_rows == 511_427
    assert result.exit_code == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "mine.parquet"

    result = CliRunner().invoke(cli, ["sample", str(path)])

    assert (result.stderr, result.exit_code) == (f"Error: {path}: No such file or directory\n", 2)
