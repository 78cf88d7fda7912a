from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = {"IPython", "awswrangler", "matplotlib", "nbclient", "nbconvert", "pandas", "pyarrow"}


def test_the_command_line_starts_without_what_only_a_profile_needs() -> None:
    message = subprocess.run(  # noqa: S603 - this interpreter
        [
            sys.executable,
            "-c",
            f"import voucher_selector.cli.main, sys; print(sorted({HEAVY} & sys.modules.keys()))",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert message.stdout == "[]\n"
