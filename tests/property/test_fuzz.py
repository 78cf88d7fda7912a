"""Randomly damaged files are counted correctly or refused, and no process dies."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support import fuzz

FILES = int(os.environ.get("FUZZ_FILES", "600"))
FIRST = int(os.environ.get("FUZZ_FIRST", "0"))
AT_ONCE = 5_000
"""Files per process."""


def test_a_file_broken_anywhere_is_counted_right_or_refused() -> None:
    for first in range(FIRST, FIRST + FILES, AT_ONCE):
        count = min(AT_ONCE, FIRST + FILES - first)
        ran = subprocess.run(  # noqa: S603 - a module of this project
            [sys.executable, "-m", "tests.support.fuzz", str(first), str(count)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = ran.stdout.splitlines()
        assert ran.returncode == 0, f"crashed {lines[-1:]}: {ran.stderr[-2_000:]}"
        assert [line for line in lines if line.startswith("wrong")] == []
        assert lines[-1].startswith("done")


def test_the_valid_files_are_counted_right() -> None:
    assert [fuzz.verdict(body) for body in fuzz.valid()] == [("counted", None)] * len(fuzz.valid())
