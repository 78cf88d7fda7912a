"""The quickstart's commands print what the document says."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.documents import FENCE, ROOT, text
from voucher_selector.sample_data.facts import AS_OF

if TYPE_CHECKING:
    from pathlib import Path

    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack

COMMAND = re.compile(r"make |curl |\.venv/bin/python ")
SAMPLE = "make sample FILE=sample.parquet && make upload FILE=sample.parquet"
WRITE = ".venv/bin/python make_chile.py\n"


def test_the_quickstart_works_word_for_word(stack: Stack, tmp_path: Path) -> None:
    ports = {"PORT": str(urlsplit(stack.url).port), "AWS_PORT": str(urlsplit(stack.endpoint).port)}
    program = tmp_path / "make_chile.py"

    def run(command: str) -> str:
        command = re.sub(r"(make_chile\.py|chile\.parquet|sample\.parquet)", rf"{tmp_path}/\1", command)
        command = command.replace("localhost:5000", f"localhost:{ports['PORT']}")
        command = re.sub(r"\bmake (?=[a-z])", "make -o .venv/.run ", command)  # which is there
        ran = subprocess.run(  # noqa: S602 - the document's own commands
            command,
            shell=True,
            cwd=ROOT,
            env={**os.environ, **ports},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    printed, compared = "", 0
    for language, code in FENCE.findall(text("docs/quickstart.md")):
        if language == "python":
            program.write_text(code.replace("chile.parquet", f"{tmp_path}/chile.parquet"))
        elif code == "make demo\n":  # it starts a stack of its own, and prints this
            printed = run(f"{SAMPLE} && make counts COUNTRY=Peru")
        elif code == "make run\n":
            run(f"{SAMPLE} AS_OF={AS_OF}")
        elif COMMAND.match(code):
            if code.startswith(WRITE) and code != WRITE:  # the reader has changed the amounts
                program.write_text(program.read_text().replace("3000.0", "4000.0", 2))
            printed = "".join(map(run, code.splitlines()))
        else:
            assert [line for line in code.splitlines() if line.strip() not in printed] == []
            compared += 1
    assert compared == 5
