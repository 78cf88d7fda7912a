"""What commands print to a terminal, and to a pipe."""

import os
import subprocess
import sys

import pytest

PROGRAM = "from voucher_selector.cli.screen import print_table; print_table(['source'], (), [['x' * 100]])"


@pytest.mark.parametrize(("columns", "whole"), [(None, True), ("40", False)])
def test_a_table_in_a_pipe_is_as_wide_as_its_cells(columns: str | None, *, whole: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    if columns:
        environment["COLUMNS"] = columns
    done = subprocess.run(  # noqa: S603 - the program is a constant of this test
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert ("x" * 100 in done.stdout) == whole
