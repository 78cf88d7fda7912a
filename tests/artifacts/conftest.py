from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.lambda_runtime import Runtime, find_python, make_runtime

BUILT = Path(".aws-sam/build").absolute()


@pytest.fixture(scope="session")
def ingest() -> Path:
    """The unpacked artifact of the ingest function."""
    return BUILT / "IngestFunction"


@pytest.fixture(scope="session")
def api() -> Path:
    """The unpacked artifact of the API function."""
    return BUILT / "ApiFunction"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """A Python with the packages of Lambda's runtime, and without those of this machine."""
    python = find_python()
    if python is None:
        pytest.skip("no Python 3.13 is here")
    return make_runtime(python, tmp_path_factory.mktemp("runtime"))
