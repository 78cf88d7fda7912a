"""Find Lambda's Python on this machine, and run an artifact with the packages of Lambda's runtime."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import botocore

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "3.13"
BROUGHT = ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six.py")
"""What Lambda's Python brings along, under the names it is imported by."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Lambda's Python: the interpreter, and the directory of the packages it brings along."""

    python: str
    packages: Path

    def run(
        self, artifact: Path, script: Path, *arguments: str, options: Sequence[str] = (), **variables: str
    ) -> str:
        """Run a script with only an artifact and the runtime's packages installed; return its output.

        No bytecode is written, as none can be in Lambda.

        Args:
            artifact: the function's directory.
            script: the file that is run.
            arguments: the script's.
            options: the interpreter's.
            variables: added to the environment, which has no other variables of AWS and Python.

        Raises:
            RuntimeError: if the script fails; the message is its standard error.
        """
        path = [str(artifact), str(self.packages)]
        start = f"import runpy, sys; sys.path[:0] = {path}; del sys.argv[0]; "
        start += "runpy.run_path(sys.argv[0], run_name='__main__')"
        command = [self.python, "-S", "-B", *options, "-c", start, str(script), *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_"))}
        ended = subprocess.run(  # noqa: S603 - an interpreter that was found, on files of ours
            command, env=kept | variables, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise RuntimeError(ended.stderr)
        return ended.stdout


def find_python() -> str | None:
    """Return an interpreter of Lambda's version; None if this machine has none."""
    probe = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{VERSION}')"
    candidates = map(str, Path.home().glob(f".pyenv/versions/{VERSION}.*/bin/python"))
    for candidate in (f"python{VERSION}", *candidates):
        path = shutil.which(candidate)
        if path:
            found = subprocess.run([path, "-c", probe], check=False, capture_output=True)  # noqa: S603 - as above
            if found.returncode == 0:
                return path
    return None


def make_runtime(python: str, directory: Path) -> Runtime:
    """Put what Lambda's Python brings along into ``directory``, from this environment and with bytecode."""
    installed = Path(botocore.__file__).parents[1]
    for name in BROUGHT:
        if name.endswith(".py"):
            shutil.copy(installed / name, directory)
        else:
            shutil.copytree(installed / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    compiling = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(directory)]
    subprocess.run(compiling, check=True)  # noqa: S603 - as above
    return Runtime(python, directory)
