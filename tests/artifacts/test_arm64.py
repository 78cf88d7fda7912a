"""The artifacts for arm64, which cannot run here: the files of x86_64, with machine code for arm64."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.artifacts.test_artifacts import MAX_BYTES, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.build

FUNCTIONS = Path(__file__).parents[2] / "functions"
X86_64, AARCH64 = 62, 183
"""As ELF's header has them."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both functions as the recipe builds them for arm64, without SAM around it."""
    directory = tmp_path_factory.mktemp("arm64")
    for name in ("Ingest", "Api"):
        function = directory / name.lower()
        function.mkdir()
        variables = {"ARCH": "arm64", "ARTIFACTS_DIR": str(function), "PYTHON": sys.executable}
        command = ["make", "--silent", f"build-{name}Function"]
        subprocess.run(command, cwd=FUNCTIONS, env=os.environ | variables, check=True)  # noqa: S603 - ours
    return directory


def machines(artifact: Path) -> set[int]:
    return {int.from_bytes(header[18:20], "little") for header in headers(artifact)}


def headers(artifact: Path) -> Iterator[bytes]:
    for path in artifact.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                header = file.read(20)
            if header.startswith(b"\x7fELF"):
                yield header


def portable(artifact: Path) -> set[str]:
    return {
        str(path.relative_to(artifact)) for path in artifact.rglob("*") if path.suffix in {".py", ".toml"}
    }


@pytest.mark.parametrize("name", ["ingest", "api"])
def test_what_is_built_for_arm64_is_arms_and_fits(built: Path, name: str) -> None:
    assert machines(built / name) == {AARCH64}
    assert 0 < weight(built / name) <= MAX_BYTES[name]


@pytest.mark.parametrize("name", ["ingest", "api"])
def test_but_for_machine_code_both_architectures_hold_the_same(
    request: pytest.FixtureRequest, built: Path, name: str
) -> None:
    artifact: Path = request.getfixturevalue(name)
    assert machines(artifact) == {X86_64}
    assert portable(built / name) == portable(artifact)
